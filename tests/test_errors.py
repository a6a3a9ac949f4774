"""Every error knows its exit code and speaks one clear line."""

import inspect

import pytest

from qkdlab import errors
from qkdlab.errors import (
    AbortCode,
    ConfigError,
    InstrumentError,
    InstrumentTimeout,
    QkdlabError,
    SecurityAbort,
)

EXIT_CODES = {
    "ConfigError": 1,
    "DeadlockError": 6,
    "InstrumentDisconnected": 2,
    "InstrumentError": 2,
    "InstrumentReplyError": 2,
    "InstrumentTimeout": 2,
    "PeerLost": 6,
    "PeerVersionError": 6,
    "QkdlabError": 1,
    "ResourceError": 5,
    "SecurityAbort": 3,
    "UsageError": 1,
    "VerifyError": 4,
}


def classes() -> dict[str, type[QkdlabError]]:
    return {
        name: value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, QkdlabError)
    }


def test_every_error_has_its_exit_code():
    assert {name: c.exit_code for name, c in classes().items()} == EXIT_CODES


def test_every_error_is_exported():
    assert set(classes()) <= set(errors.__all__)


def test_a_config_error_keeps_one_line_per_problem():
    error = ConfigError(["a.yaml:1:2: x: wrong", "a.yaml:3:4: y: missing"])
    assert error.problems == ["a.yaml:1:2: x: wrong", "a.yaml:3:4: y: missing"]
    assert str(error).splitlines() == error.problems


def test_a_config_error_takes_a_single_line():
    assert ConfigError("bb84.yaml: not found").problems == ["bb84.yaml: not found"]


def test_an_instrument_error_names_the_thing_what_happened_and_what_to_do():
    error = InstrumentTimeout("alice_awg", "no answer within 1 s", "check the cable")
    assert str(error) == "alice_awg: no answer within 1 s; check the cable"
    assert isinstance(error, InstrumentError)


def test_an_instrument_error_does_without_a_hint():
    assert str(InstrumentError("bob_websq", "refused")) == "bob_websq: refused"


def test_an_abort_shows_its_code_and_numbers():
    abort = SecurityAbort(
        AbortCode.QBER_ABOVE_LIMIT,
        "too many errors in X",
        {"qber_x": 0.251234, "limit": 0.08, "block": 3},
    )
    assert str(abort) == (
        "qber-above-limit: too many errors in X (qber_x 0.2512, limit 0.08, block 3)"
    )
    assert abort.numbers == {"qber_x": 0.251234, "limit": 0.08, "block": 3}


def test_an_abort_without_numbers_shows_none():
    abort = SecurityAbort(AbortCode.NO_SECRET_KEY, "too few counts")
    assert str(abort) == "no-secret-key: too few counts"


def test_abort_numbers_are_a_copy():
    numbers = {"qber_x": 0.1}
    abort = SecurityAbort(AbortCode.QBER_ABOVE_LIMIT, "errors", numbers)
    numbers["qber_x"] = 9.0
    assert abort.numbers == {"qber_x": 0.1}


@pytest.mark.parametrize("code", list(AbortCode))
def test_abort_codes_are_lower_case_words_joined_by_hyphens(code):
    assert all(word.isalpha() and word.islower() for word in code.value.split("-"))
