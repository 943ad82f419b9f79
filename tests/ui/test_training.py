"""Training in the app: the form of every architecture, several curves, sweeps and evaluations."""

import pytest
from msgspec import structs

from engine.service import protocol as p
from tests.ui.fake_engine import World
from tests.ui.session import Session, open_app

SMALL, LARGE = (80, 24), (120, 40)


async def choose(user: Session, arch: str) -> None:
    """Open the form and choose an architecture."""
    await user.press("T", "enter")
    await user.press(*["down"] * list(p.ARCHITECTURES).index(arch))
    await user.until(lambda: user.app.focused.value == arch)


def labels(user: Session) -> list[str]:
    """The fields that are seen."""
    rows = user.app.screen.query(".field")
    return [str(row.query_one(".field-label").render()) for row in rows if row.display]


@pytest.mark.parametrize("arch", p.ARCHITECTURES)
async def test_the_form_has_the_fields_that_an_architecture_needs(world: World, arch: str) -> None:
    async with open_app(world, SMALL) as user:
        await choose(user, arch)
        own = [words.label for words in p.ARCHITECTURES[arch].settings.values()]
        published = ["recipe"] if arch in {"topk", "batchtopk", "matryoshka", "relu"} else []
        assert labels(user) == [
            "activations", "kind", "features", *own, "tokens", "learning rate", *published, "name"
        ]  # fmt: skip


async def test_what_is_typed_reaches_the_architecture_that_it_is_for(world: World) -> None:
    async with open_app(world, SMALL) as user:
        await choose(user, "jumprelu")
        await user.press("enter", "enter")
        await user.type("24")
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        spec = user.asked(p.Submit)[0].spec
        assert (spec.arch, spec.k, spec.l1, spec.preset) == ("jumprelu", 24, None, "")


async def test_a_transcoder_is_trained_on_two_sets_of_one_capture(world: World) -> None:
    about = {"model": "m", "tokens": 500, "documents": 7}
    for site in ("mlp_in.3", "mlp_out.3"):
        world.add_activations(f"pair.{site}", tokens=500, documents=7)
        world.activations[-1] = structs.replace(world.activations[-1], site=site, **about)
    async with open_app(world, SMALL) as user:
        await user.press("T", "up")  # from mlp_out, the newest, to mlp_in
        await user.until(lambda: user.app.focused.value == "pair.mlp_in.3")
        assert "predicts" in labels(user)
        assert "skip connection" not in labels(user)
        await user.press("enter", "enter", "down", "down")
        await user.until(lambda: user.app.focused.value == "pair.mlp_out.3")
        await user.until(lambda: "skip connection" in labels(user))
        await user.press("enter", "down", "ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        spec = user.asked(p.Submit)[0].spec
        assert (spec.activations, spec.target, spec.skip) == (
            "pair.mlp_in.3", "pair.mlp_out.3", True
        )  # fmt: skip


async def test_a_field_that_is_hidden_again_is_empty(world: World) -> None:
    async with open_app(world, SMALL) as user:
        await choose(user, "topk")
        await user.press("enter", "enter")
        await user.type("7")
        await user.press("shift+tab", "shift+tab")
        await user.press(*["down"] * list(p.ARCHITECTURES).index("relu"))
        await user.until(lambda: "L1 penalty" in labels(user))
        await user.press("enter", "enter")
        await user.type("0.5")
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        spec = user.asked(p.Submit)[0].spec
        assert (spec.arch, spec.k, spec.l1) == ("relu", None, 0.5)


async def test_a_published_recipe_can_be_chosen(world: World) -> None:
    async with open_app(world, SMALL) as user:
        await choose(user, "topk")
        await user.press(*["enter"] * 5, "down")
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        assert user.asked(p.Submit)[0].spec.preset == "gao2024"


def report(world: World, job: int, step: int, **metrics: float) -> None:
    figures = {name.replace("__", " "): value for name, value in metrics.items()}
    world.tell(job, p.Progressed(phase="train", done=step, total=100, metrics=figures))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_every_figure_that_has_room_stands_over_the_chart(
    world: World, size: tuple[int, int]
) -> None:
    job = world.submit(p.Train(name="r2", activations="acts1", arch="jumprelu")).id
    world.start(job)
    async with open_app(world, size) as user:
        await user.press("5", "z")
        metrics = {
            "loss": 0.5, "mse": 0.1, "fvu": 0.25, "l0": 31.5, "dead_fraction": 0.125,
            "grad_norm": 1.5, "sparsity": 0.0625, "aux": 0.03, "lr": 1e-3, "tokens": 1e5,
            "tokens_per_second": 31_900.0, "seconds_left": 3.0, "memory": 812e6,
        }  # fmt: skip
        world.tell(job, p.Progressed(phase="train", done=1, total=100, metrics=metrics))
        figures = ["loss 0.500", "fvu 0.250", "l0 31.5", "dead 12.5%", "31.9k tok/s", "grad 1.50"]
        more = ["sparsity 0.0625", "aux 0.0300"]
        await user.sees(*figures, *(more if size == LARGE else []))
        assert all(len(line) <= size[0] for line in user.screen)


async def test_curves_that_say_nothing_are_passed_over(world: World) -> None:
    job = world.submit(p.Train(name="r2", activations="acts1")).id
    world.start(job)
    for step in (1, 2):
        report(world, job, step, loss=1.0, tokens=step, seconds_left=9.0, fvu=0.5)
    async with open_app(world) as user:
        await user.press("5")
        await user.sees("r2 · loss")
        await user.press(">")
        await user.sees("r2 · fvu")
        await user.press(">")
        await user.sees("r2 · loss")


async def test_trainings_of_a_sweep_are_drawn_beside_each_other(world: World) -> None:
    train = p.Train(name="s", activations="acts1")
    job = world.submit(p.Sweep(train=train, axes={"k": [4, 8]})).id
    world.start(job)
    for step in (1, 2, 3):
        report(
            world, job, step, loss=2.0, lr=1e-3,
            **{"loss__s.k4": 1.0 * step, "loss__s.k8": 3.0 * step},
        )  # fmt: skip
    async with open_app(world, LARGE) as user:
        await user.press("5")
        await user.sees("5 Loss · s · loss", "mean of 2:", "━ k4", "━ k8")
        await user.press(">")
        await user.sees("s · lr")
        assert "━ k4" not in user.text


async def test_a_sweep_tells_what_came_of_it(world: World) -> None:
    job = world.submit(p.Sweep(train=p.Train(name="s", activations="acts1"), axes={"k": [4, 8]})).id
    world.start(job)
    async with open_app(world, LARGE) as user:
        world.finish(job)
        await user.until(lambda: user.said("w shows them beside each other"))
        await user.press("6", "z")
        await user.sees("sweep s", "topk on acts1; k 4 8", "k4   l0 4.00       ● fvu 0.250")
        await user.press("w")
        await user.sees("s.k4", "s.k8")


async def test_a_sweep_that_was_cancelled_can_go_on(world: World) -> None:
    job = world.submit(p.Sweep(train=p.Train(name="s", activations="acts1"), axes={"k": [4, 8]})).id
    world.start(job)
    async with open_app(world, SMALL) as user:
        await user.press("X")
        await user.sees("It saves where it stands")
        await user.press("y")
        await user.until(lambda: user.said("was cancelled"))
        await user.press("6", "P")
        await user.until(lambda: user.asked(p.ResumeJob) == [p.ResumeJob(id=job)])


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_an_sae_is_evaluated_from_the_workspace_and_its_density_is_shown_there(
    world: World, size: tuple[int, int]
) -> None:
    async with open_app(world, size) as user:
        await user.press("w")
        await user.sees("explained 0.931", "v counts them")
        await user.press("v")
        await user.until(lambda: user.asked(p.Submit))
        assert user.asked(p.Submit)[0].spec == p.Evaluate(sae="r1", histogram=True)
        world.start(1)
        world.finish(1)
        await user.until(lambda: user.said("w shows its figures"))
        await user.press("w")
        await user.sees("features by density   0.00100 ▄█▁ 1.00   5 never")


async def test_a_histogram_of_an_sae_that_had_the_name_before_is_not_shown(world: World) -> None:
    world.finish(world.submit(p.Evaluate(sae="r1", histogram=True)).id)
    (sae,) = world.saes
    sae.metrics["mse"] *= 2
    async with open_app(world) as user:
        await user.press("w")
        await user.sees("v counts them")


async def test_typing_into_a_choice_narrows_it_to_what_is_typed(world: World) -> None:
    async with open_app(world, SMALL) as user:
        await user.press("T", "enter", *"batchtopk")
        assert user.app.focused.value == "batchtopk"
        await user.press("ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        assert user.asked(p.Submit)[0].spec.arch == "batchtopk"


async def test_the_only_choice_left_is_put_in_before_the_form_is_sent_off(world: World) -> None:
    async with open_app(world, SMALL) as user:
        await user.press("T", "enter", *"jum")
        await user.sees("↑↓ jumprelu")
        await user.press("ctrl+s")
        await user.sees("kind: 'jum' is taken for jumprelu")
        assert not user.asked(p.Submit)
        await user.press("enter", "ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        assert user.asked(p.Submit)[0].spec.arch == "jumprelu"


async def test_what_is_no_choice_or_several_is_never_sent_off(world: World) -> None:
    for name in ("r10", "r11"):
        world.add_sae(name)
    async with open_app(world, SMALL) as user:
        await user.press("S", *"r2", "enter")
        await user.sees("'r2' is none of the choices")
        await user.press("ctrl+s", *["backspace"] * 1, "enter")
        await user.sees("'r' may be r1 · r10 · r11; please choose.")
        assert not user.asked(p.Submit)
        await user.press(*"11", "ctrl+s")
        await user.until(lambda: user.asked(p.Submit))
        assert user.asked(p.Submit)[0].spec.sae == "r11"


async def test_the_arrows_turn_through_the_choices_that_are_left(world: World) -> None:
    async with open_app(world, SMALL) as user:
        begins = [arch for arch in p.ARCHITECTURES if arch.startswith("b")]
        contains = [arch for arch in p.ARCHITECTURES if "topk" in arch]
        await user.press("T", "enter", "b", "down")
        assert user.app.focused.value == begins[0]
        await user.press("shift+tab", "tab", *"opk", "down")
        assert user.app.focused.value == contains[0]
        await user.press("up")
        assert user.app.focused.value == contains[-1]
