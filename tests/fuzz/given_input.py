"""One input of a door: a file, the files of a folder, or a value; and what is known about it."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Given:
    """
    Attributes:
        content: the bytes of a file, or for a folder those of each of its files; None for a value.
        suffix: of the file.
        value: what is given to a function in place of a file.
        known: what the oracle of the door knows, such as the values that must come out.
        what: what was done to the input, for a report of a failure.
    """

    content: bytes | dict[str, bytes] | None = None
    suffix: str = ""
    value: object = None
    known: object = None
    what: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """Further files beside the file, each with the suffix that its name adds to that of the file without its suffix."""

    def written(self, folder: Path, name: str) -> Path | None:
        """The path of the file or of the folder, which is written; None for a value."""
        if self.content is None:
            return None
        path = folder / f"{name}{self.suffix}"
        if isinstance(self.content, bytes):
            path.write_bytes(self.content)
            for suffix, content in self.files.items():
                (folder / f"{name}{suffix}").write_bytes(content)
            return path
        path.mkdir()
        for relative, content in self.content.items():
            (path / relative).write_bytes(content)
        return path
