"""One input for a door: a file, the files of a folder, or a value, and what the check of the result needs to know."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Given:
    """
    Attributes:
        content: the bytes of a file, or the bytes of each file of a folder. None: the input is `value`.
        suffix: the suffix of the file.
        value: an argument that is not a file.
        known: what the check of the result needs, such as the expected values.
        what: how the input was damaged, for the report of a failure.
        files: further files beside the file, by the suffix that is added to the name of the file without its own suffix.
    """

    content: bytes | dict[str, bytes] | None = None
    suffix: str = ""
    value: object = None
    known: object = None
    what: str = ""
    files: dict[str, bytes] = field(default_factory=dict)

    def written(self, folder: Path, name: str) -> Path | None:
        """Write the file or the folder. Returns its path, or None if the input is a value."""
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
