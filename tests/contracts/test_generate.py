"""What is committed is what the event types say; drift is told file by file."""

from pathlib import Path

import pytest

from contracts import generate, metrics, metrics_table
from contracts.__main__ import main
from contracts.events import EVENTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A contracts folder with everything generated."""
    tmp_path /= "contracts"
    tmp_path.mkdir()
    (tmp_path / "pyproject.toml").write_text((generate.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    generate.write(tmp_path)
    return tmp_path


def test_what_is_committed_is_what_the_types_say() -> None:
    assert list(generate.drift(generate.ROOT)) == []


def test_every_event_has_a_schema_a_channel_and_a_row(folder: Path) -> None:
    assert {path.stem for path in (folder / "schemas").iterdir()} == set(EVENTS)
    assert all(f"address: {event}\n" in (folder / "asyncapi.yaml").read_text(encoding="utf-8") for event in EVENTS)
    assert all(f"[`{event}`]" in (folder / "EVENTS.md").read_text(encoding="utf-8") for event in EVENTS)


def test_generating_twice_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--root", str(folder)]) == 0
    assert capsys.readouterr().out == ""
    assert main(["generate", "--check", "--root", str(folder)]) == 0
    assert capsys.readouterr().out == ""


def test_drift_is_told_with_file_and_line_and_mended(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    schema = folder / "schemas" / "order.placed.json"
    sound = schema.read_text(encoding="utf-8")
    schema.write_text(sound.replace('"x-key": "order_id"', '"x-key": "buyer_id"'), encoding="utf-8")

    assert main(["generate", "--check", "--root", str(folder)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("schemas/order.placed.json is not what the event types say; run `make contracts`\n")
    assert '-  "x-key": "buyer_id"' in told
    assert '+  "x-key": "order_id"' in told

    assert main(["generate", "--root", str(folder)]) == 0
    assert capsys.readouterr().out == "schemas/order.placed.json\n"
    assert schema.read_text(encoding="utf-8") == sound


def test_a_missing_file_and_a_stray_one_are_told_and_mended(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "asyncapi.yaml").unlink()
    (folder / "schemas" / "order.eaten.json").write_text("{}")

    assert main(["generate", "--check", "--root", str(folder)]) == 1
    told = capsys.readouterr().out
    assert "asyncapi.yaml is not what the event types say" in told
    assert (
        "schemas/order.eaten.json is not what the event types say; run `make contracts`\nno event has this name" in told
    )

    assert main(["generate", "--root", str(folder)]) == 0
    assert list(generate.drift(folder)) == []


def test_a_long_difference_is_cut_short(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "asyncapi.yaml").write_text("")
    assert main(["generate", "--check", "--root", str(folder)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert len(told) < 20
    assert told[-1].endswith(" more lines")


def test_the_version_of_all_is_that_of_the_distribution(folder: Path) -> None:
    project = folder / "pyproject.toml"
    project.write_text(project.read_text(encoding="utf-8").replace('version = "', 'version = "7.', 1))
    drifted = {path for path, _ in generate.drift(folder)}
    assert drifted == {f"schemas/{event}.json" for event in EVENTS} | {"asyncapi.yaml"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "python -m contracts: the following arguments are required: command"),
        (["publish"], "python -m contracts: argument command: invalid choice: 'publish'"),
        (["generate", "--against", "HEAD"], "python -m contracts: unrecognized arguments: --against HEAD"),
        (["compat", "--against"], "python -m contracts compat: argument --against: expected one argument"),
    ],
)
def test_wrong_words_are_answered_in_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)


def test_a_folder_that_is_no_checkout_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--root", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"python -m contracts generate: not the contracts folder of a checkout: {tmp_path}\n"
    )


def test_the_table_of_metrics_is_as_the_registry_says_and_the_rest_of_its_page_stays(folder: Path) -> None:
    page = folder / generate.OPERATIONS
    page.parent.mkdir(exist_ok=True)
    page.write_text(f"# Before\n\n{metrics_table.BEGIN}\n| stale |\n{metrics_table.END}\n\nAfter.\n", encoding="utf-8")
    assert [path for path, _ in generate.drift(folder)] == [generate.OPERATIONS]
    assert generate.write(folder) == [generate.OPERATIONS]
    written = page.read_text(encoding="utf-8")
    assert written.startswith("# Before\n")
    assert written.endswith("\nAfter.\n")
    assert "stale" not in written
    assert all(f"| `{metric.name}" in written for metric in metrics.ALL)
    assert list(generate.drift(folder)) == []


def test_a_page_that_does_not_say_where_the_table_stands_is_an_error() -> None:
    with pytest.raises(metrics_table.Unmarked):
        metrics_table.with_table("# Nothing here\n")
