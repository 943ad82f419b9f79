"""Which rows a table shows, in which sequence, and which of them is under the cursor."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Order = NDArray[np.integer]


class TableView:
    """Rows by id, their positions, and a cursor that stays with its row when these change."""

    def __init__(self) -> None:
        self._count = 0
        self._order: Order | None = None
        self._position = 0
        self._row: int | None = None

    def show(self, count: int, order: "Order | None", *, stay: bool = False) -> bool:
        """Show the ids 0 … `count` - 1, or those in `order` [positions] in its sequence.

        The cursor stays on its row where that is still shown, else it goes to the first one, or
        with `stay` to the row that has its place now. Return whether it came to another row.
        """
        self._count, self._order = count, order
        position = self.position_of(self._row)
        return self.go_to((self._position if stay else 0) if position is None else position)

    def go_to(self, position: int) -> bool:
        """Put the cursor there, or as near as there are rows; return whether the row is another."""
        self._position = max(0, min(position, len(self) - 1))
        before, self._row = self._row, self.row_at(self._position) if len(self) else None
        return self._row != before

    @property
    def order(self) -> "Order | None":
        """Row id at every position, [positions]; None shows all rows by their id."""
        return self._order

    @property
    def count(self) -> int:
        """How many rows there are, shown or not."""
        return self._count

    @property
    def position(self) -> int:
        """Position of the cursor; 0 where there is no row."""
        return self._position

    @property
    def row(self) -> int | None:
        """Id of the row under the cursor; None where there is no row."""
        return self._row

    def __len__(self) -> int:
        """Return how many rows are shown."""
        return self._count if self._order is None else len(self._order)

    def row_at(self, position: int) -> int:
        """Return the id of the row at a position."""
        return position if self._order is None else int(self._order[position])

    def position_of(self, row: int | None) -> int | None:
        """Return where the row with this id is shown; None where it is not."""
        if row is None:
            return None
        if self._order is None:
            return row if 0 <= row < self._count else None
        places = (self._order == row).nonzero()[0]
        return int(places[0]) if len(places) else None
