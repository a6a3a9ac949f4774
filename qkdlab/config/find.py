"""Find a configuration by path or by the name of a packaged one."""

from __future__ import annotations

import importlib.resources
from importlib.resources.abc import Traversable
from pathlib import Path

from qkdlab import plugins
from qkdlab.errors import ConfigError, ResourceError

__all__ = ["packaged_names", "read_source"]

GROUP = "qkdlab.configs"
_SUFFIXES = (".yaml", ".yml")


def read_source(source: str | Path, beside: Path | None = None) -> tuple[str, str]:
    """Return the text of a configuration and the name under which to report it.

    A source with a folder or a ``.yaml`` ending is a path (relative to the folder
    `beside` when given); anything else is the name of a packaged configuration.
    Raises ResourceError for a path that cannot be read and ConfigError for an
    unknown name.
    """
    if isinstance(source, Path) or "/" in source or source.endswith(_SUFFIXES):
        path = Path(source).expanduser()
        return _read_path(path if beside is None else beside / path)
    return _read_packaged(source)


def packaged_names() -> dict[str, Traversable]:
    """Return every packaged configuration by its name.

    Raises ConfigError when a package of configurations cannot be imported or two
    offer one name.
    """
    found: dict[str, Traversable] = {}
    for package in plugins.names(GROUP):
        folder = importlib.resources.files(plugins.lookup(GROUP, package))
        for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if not item.name.endswith(_SUFFIXES):
                continue
            name = item.name.rpartition(".")[0]
            if name in found:
                raise ConfigError(
                    f"the configuration '{name}' is packaged twice, as {found[name]} "
                    f"and {item}; give the path of the one that you mean"
                )
            found[name] = item
    return found


def _read_packaged(name: str) -> tuple[str, str]:
    known = packaged_names()
    if name not in known:
        raise ConfigError(
            f"no configuration is called '{name}'{plugins.did_you_mean(name, known)}; "
            f"there are: {', '.join(sorted(known)) or 'none'}; "
            "a file of your own is given by a path that ends in .yaml"
        )
    return known[name].read_text(encoding="utf-8"), _label(str(known[name]))


def _read_path(path: Path) -> tuple[str, str]:
    try:
        return path.read_text(encoding="utf-8"), _label(str(path))
    except FileNotFoundError:
        message = f"{path}: no such file; give an existing file"
        packaged = ", ".join(sorted(packaged_names()))
        raise ResourceError(
            f"{message} or the name of a packaged one: {packaged}"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: not UTF-8 text (byte {error.start}); is it a configuration?"
        ) from None
    except OSError as error:
        raise ResourceError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ResourceError(f"{path!s}: cannot be read: {error}") from None


def _label(path: str) -> str:
    """Shorten a path below the current folder."""
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except ValueError:
        return path
