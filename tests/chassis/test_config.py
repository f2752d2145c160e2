"""Settings: read from the environment, refused by name, never shown."""

from pathlib import Path

import pytest

from chassis.config import BadSettings, Settings, load

ENOUGH = {
    "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
    "MONGODB_URI": "mongodb://user:hunter2@db",
    "OIDC_ISSUER": "https://issuer.example",
}


class ShopSettings(Settings, frozen=True, kw_only=True):
    payment_minutes: int = 15
    colour: str


def test_settings_are_read_by_their_names_in_upper_case() -> None:
    settings = load(ShopSettings, {**ENOUGH, "COLOUR": "red", "PAYMENT_MINUTES": "5", "SHUTDOWN_GRACE_SECONDS": "2.5"})
    assert (settings.colour, settings.payment_minutes, settings.shutdown_grace_seconds) == ("red", 5, 2.5)


def test_what_is_not_set_has_its_default() -> None:
    settings = load(Settings, ENOUGH)
    assert (settings.http_bind, settings.max_workers, settings.oidc_audience) == ("0.0.0.0:8000", 512, "shanhuo")


def test_an_empty_variable_counts_as_unset() -> None:
    assert load(Settings, {**ENOUGH, "LOG_LEVEL": ""}).log_level == "INFO"
    with pytest.raises(BadSettings, match="MONGODB_URI is missing"):
        load(Settings, {**ENOUGH, "MONGODB_URI": ""})


def test_all_missing_and_invalid_settings_are_named_in_one_line() -> None:
    with pytest.raises(BadSettings) as bad:
        load(ShopSettings, {"OIDC_ISSUER": "issuer", "MAX_WORKERS": "many", "MONGODB_URI": "mongodb://db"})
    told = str(bad.value)
    for name in (
        "KAFKA_BOOTSTRAP_SERVERS is missing",
        "COLOUR is missing",
        "OIDC_ISSUER is invalid",
        "MAX_WORKERS is invalid",
    ):
        assert name in told
    assert "MONGODB_URI" not in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HTTP_BIND", "s3cret"), ("LOG_LEVEL", "s3cret"), ("MAX_BODY_BYTES", "s3cret"), ("OIDC_ISSUER", "s3cret")],
)
def test_a_bad_value_is_never_shown(variable: str, value: str) -> None:
    with pytest.raises(BadSettings) as bad:
        load(Settings, {**ENOUGH, variable: value})
    assert variable in str(bad.value)
    assert value not in str(bad.value)


@pytest.mark.parametrize("value", ["0", "-1", "1.5"])
def test_a_number_out_of_range_is_refused(value: str) -> None:
    with pytest.raises(BadSettings, match="MAX_WORKERS"):
        load(Settings, {**ENOUGH, "MAX_WORKERS": value})


@pytest.mark.parametrize("bind", ["0", "127.0.0.1:65536", "99999"])
def test_a_port_that_is_none_is_refused(bind: str) -> None:
    with pytest.raises(BadSettings, match=r"^HTTP_BIND is invalid \(a port is a number from 1 to 65535\)$"):
        load(Settings, {**ENOUGH, "HTTP_BIND": bind})


class CarefulSettings(Settings, frozen=True, kw_only=True):
    card: str = "off"
    card_key: str = ""

    def complaints(self) -> list[str]:
        return ["CARD_KEY is missing: CARD is on"] if self.card == "on" and not self.card_key else []


def test_settings_that_do_not_fit_together_are_complained_of_by_the_service() -> None:
    assert load(CarefulSettings, ENOUGH).card == "off"
    with pytest.raises(BadSettings, match="CARD_KEY is missing: CARD is on"):
        load(CarefulSettings, {**ENOUGH, "CARD": "on"})


def test_printed_settings_show_no_value() -> None:
    settings = load(CarefulSettings, {**ENOUGH, "CARD_KEY": "hunter3"})
    for shown in (repr(settings), str(settings), f"{settings}", repr({"settings": settings})):
        assert "hunter" not in shown
        assert "CarefulSettings" in shown


def test_a_setting_may_be_given_by_file_and_its_last_line_end_is_no_part_of_it(tmp_path: Path) -> None:
    uri, audience = tmp_path / "uri", tmp_path / "audience"
    uri.write_text(f"{ENOUGH['MONGODB_URI']}\n")
    audience.write_text(" buyers \n\n")
    by_file = {"MONGODB_URI": "", "MONGODB_URI_FILE": str(uri), "OIDC_AUDIENCE_FILE": str(audience)}
    settings = load(Settings, {**ENOUGH, **by_file})
    assert settings.mongodb_uri == ENOUGH["MONGODB_URI"]
    assert settings.oidc_audience == " buyers \n"


def test_any_setting_may_be_given_by_file_and_is_parsed_and_checked_as_ever(tmp_path: Path) -> None:
    for name, value in {"boxes": "5\n", "none": "many\n", "colour": "red"}.items():
        (tmp_path / name).write_text(value)
    named = {**ENOUGH, "COLOUR_FILE": str(tmp_path / "colour"), "PAYMENT_MINUTES_FILE": str(tmp_path / "boxes")}
    settings = load(ShopSettings, named)
    assert (settings.colour, settings.payment_minutes) == ("red", 5)
    with pytest.raises(BadSettings, match=r"^PAYMENT_MINUTES is invalid \(Expected `int`\)$"):
        load(ShopSettings, {**named, "PAYMENT_MINUTES_FILE": str(tmp_path / "none")})


def test_a_setting_given_twice_or_by_no_good_file_is_complained_of_by_name(tmp_path: Path) -> None:
    for name, content in {"good": b"g00d", "empty": b"\n", "binary": b"\xff\xfe"}.items():
        (tmp_path / name).write_bytes(content)
    for name, complaint in {
        "good": "KAFKA_GROUP and KAFKA_GROUP_FILE are both set: one is enough",
        "empty": "KAFKA_GROUP_FILE names an empty file",
        "binary": "KAFKA_GROUP_FILE names a file that is no text",
        "absent": "KAFKA_GROUP_FILE names a file that cannot be read (No such file or directory)",
    }.items():
        given = {"KAFKA_GROUP": "g00d"} if name == "good" else {}
        with pytest.raises(BadSettings) as bad:
            load(Settings, {**ENOUGH, **given, "KAFKA_GROUP_FILE": str(tmp_path / name)})
        assert str(bad.value) == complaint


def test_a_choice_says_what_would_be_valid_and_not_what_was_given() -> None:
    with pytest.raises(BadSettings) as bad:
        load(Settings, {**ENOUGH, "KAFKA_SECURITY_PROTOCOL": "hunter2", "KAFKA_SASL_MECHANISM": "hunter2"})
    told = str(bad.value)
    assert "KAFKA_SECURITY_PROTOCOL is invalid (Invalid enum value: one of PLAINTEXT, SSL, " in told
    assert "KAFKA_SASL_MECHANISM is invalid (Invalid enum value: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512)" in told
    assert "hunter" not in told
