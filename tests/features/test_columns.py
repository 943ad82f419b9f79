"""A column that is registered is known wherever features are filtered, put in order and shown."""

import subprocess
import sys
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from brainsurg_tui.panes.features.columns import FeatureColumns, largest_first
from engine.errors import UserError
from engine.features import columns
from engine.features.catalogue.rank import order
from engine.features.columns import FIGURES, TableColumn, find_column, table_columns
from engine.features.filter.filter import FilterContext, filter_mask
from engine.service import protocol as p
from tests.features.test_filter import Lists

KURTOSIS = TableColumn(
    name="kurtosis",
    kind="number",
    aliases=("kurt",),
    meaning="How heavy the tails of its activations are.",
)
VALUES = {
    "max": np.array([1.0, 2.0, 3.0], np.float32),
    "density": np.array([0.5, 0.1, 0.2], np.float32),
    "kurtosis": np.array([9.0, 3.0, 5.0], np.float32),
}


@pytest.fixture
def kurtosis() -> Iterator[None]:
    columns.register(KURTOSIS)
    yield
    columns.unregister("kurtosis")


def mask(text: str, values: dict[str, np.ndarray] = VALUES) -> list[bool]:
    return filter_mask(text, FilterContext(values, {}, [], Lists())).tolist()


@pytest.mark.usefixtures("kurtosis")
def test_a_new_column_is_in_filters() -> None:
    assert mask("kurtosis > 4 and max > 1") == [False, False, True]
    assert mask("kurt = 3") == [False, True, False]
    assert "kurtosis" in p.filter_help()
    with pytest.raises(UserError, match=r"these features have no kurtosis\. Scan the SAE again"):
        mask("kurtosis > 4", {name: VALUES[name] for name in ("max", "density")})
    with pytest.raises(UserError, match="Did you mean kurtosis"):
        mask("kurtosi > 4")


def test_what_is_not_registered_is_a_word_to_look_for() -> None:
    assert mask("kurtosis") == [False, False, False]
    with pytest.raises(UserError, match="is no column"):
        mask("kurtosis > 4")


@pytest.mark.usefixtures("kurtosis")
def test_features_are_put_in_order_by_a_new_column() -> None:
    assert order(VALUES, "kurtosis").tolist() == [0, 2, 1]
    assert p.order_names() == [
        *("max", "mean", "std", "density", "count", "documents", "selectivity", "activity"),
        "kurtosis",
    ]
    with pytest.raises(UserError, match="no kurtosis"):
        order({name: VALUES[name] for name in ("max", "density")}, "kurtosis")


@pytest.mark.usefixtures("kurtosis")
def test_a_new_column_is_in_the_table_of_the_app() -> None:
    table = FeatureColumns(
        p.FeatureTable(
            sae="r1",
            activations="acts",
            features=3,
            tokens=1,
            columns={name: values.tobytes() for name, values in VALUES.items()},
            dtypes={name: values.dtype.str for name, values in VALUES.items()},
            notes={},
        )
    )
    shown = [column.key for column in table.columns]
    assert shown == ["id", "max", "density", "star", "tags", "label", "kurtosis"]
    assert table.cells(1, p.Note())[-1] == "3.00"
    assert table.row(1, p.Note())["kurtosis"] == 3.0
    assert table.order("kurtosis", {}, reverse=True).tolist() == [0, 2, 1]
    assert largest_first("kurtosis")


@pytest.mark.usefixtures("kurtosis")
def test_a_new_column_is_in_what_is_told_of_a_feature() -> None:
    detail = p.FeatureDetail(id=3, max=2.0, mean=1.0, density=0.5, documents=4)
    assert "other_figures" not in msgspec.to_builtins(detail)
    detail = msgspec.structs.replace(detail, other_figures={"kurtosis": 3.5})
    assert list(detail.figures().items())[-2:] == [("documents", 4), ("kurtosis", 3.5)]


def test_the_command_line_offers_a_new_column() -> None:
    program = (
        "from engine.features.columns import TableColumn, register\n"
        "register(TableColumn(name='kurtosis', kind='number', meaning='…'))\n"
        "from brainsurg_tui.cli import main\n"
        "main()"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program, "features", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "selectivity, activity, kurtosis" in " ".join(shown.replace("│", " ").split())


def test_every_name_is_one_columns_and_says_what_it_means() -> None:
    names = [name for column in table_columns() for name in (column.name, *column.aliases)]
    assert len(set(names)) == len(names)
    for column in table_columns():
        assert column.meaning.endswith(".")
        assert (column.compute is not None) == (
            column.kind == "order" or (column.kind == "flag" and column.texts is None)
        )
        assert (column.texts is not None) == (
            column.kind == "note" or (column.kind == "flag" and column.compute is None)
        )


def test_a_detail_has_a_field_for_each_column_of_figures() -> None:
    assert {column.name for column in table_columns(*FIGURES)} <= {
        *p.FeatureDetail.__struct_fields__
    }
    assert find_column("docs") == find_column("documents")
