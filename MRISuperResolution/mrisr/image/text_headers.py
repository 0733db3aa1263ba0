"""The text headers of NRRD and MetaImage files, looked at before SimpleITK reads them.

Its readers trust these headers: counts beyond what they have room for end the process, and with it all that it was doing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import FileError
from .announced import DEFLATED, check_announced
from .text_places import FARTHEST, PlaceError, place_in_meta, place_in_nrrd
from .text_voxels import LIST, VoxelsError, bytes_of

MOST = 2**20
"""A header has no more bytes than this."""

LONGEST = 1000
"""Nor has a line that is read as numbers or names more letters than this."""

NRRD_FIELDS = {
    "content",
    "number",
    "type",
    "blocksize",
    "dimension",
    "space",
    "spacedimension",
    "sizes",
    "spacings",
    "thicknesses",
    "axismins",
    "axismaxs",
    "spacedirections",
    "centers",
    "centerings",
    "kinds",
    "labels",
    "units",
    "min",
    "max",
    "oldmin",
    "oldmax",
    "endian",
    "encoding",
    "lineskip",
    "byteskip",
    "sampleunits",
    "spaceunits",
    "spaceorigin",
    "measurementframe",
    "datafile",
}
"""All that NRRD knows; of others its reader makes a sentence that has no room for long ones."""

DIMENSIONS = 7

META_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}

NRRD_BYTES = {"char": 1, "8": 1, "short": 2, "16": 2, "int": 4, "32": 4, "64": 8, "float": 4, "double": 8}
"""Bytes of a voxel; of whole numbers by what their many names have in common."""

COUNTS: dict[str, Callable[[int], int]] = {
    "dimsize": lambda n: n,
    "elementspacing": lambda n: n,
    "elementsize": lambda n: n,
    "offset": lambda n: n,
    "position": lambda n: n,
    "origin": lambda n: n,
    "centerofrotation": lambda n: n,
    "transformmatrix": lambda n: n * n,
    "rotation": lambda n: n * n,
    "orientation": lambda n: n * n,
}
"""How many numbers a MetaImage's field has, of so many dimensions."""


def check_text_header(path: Path) -> list[str]:
    """Raise unless the header of a NRRD or MetaImage file makes sense; sentences of what is odd about its place.

    Raises:
        FileError: it does not, or its voxels are missing.
        InputError: it announces more than there is room for.
    """
    with path.open("rb") as file:
        content = file.read(MOST)
    check = _check_nrrd if path.suffix.lower() in (".nrrd", ".nhdr") else _check_meta
    try:
        return check(path, content)
    except (PlaceError, VoxelsError) as error:
        raise _broken(path, str(error)) from error


def _check_meta(path: Path, content: bytes) -> list[str]:
    fields: dict[str, str] = {}
    length = 0
    for line in content.split(b"\n"):
        length += len(line) + 1
        name, _, value = _text(path, line).partition("=")
        fields[name.strip().lower()] = value.strip()
        if name.strip().lower() == "elementdatafile":
            break
    else:
        raise _broken(path, "it does not say where its voxels are")
    count = _whole(path, fields.get("ndims", ""))
    if not 1 <= count <= DIMENSIONS:
        raise _broken(path, f"it announces {count} dimensions")
    for name, wanted in COUNTS.items():
        if name in fields and len(_numbers(path, fields[name])) != wanted(count):
            raise _broken(path, f"its entry {name} has not {wanted(count)} numbers")
    shape = [_whole(path, n) for n in fields.get("dimsize", "").split()]
    kind = fields.get("elementtype", "").upper().removeprefix("MET_").removesuffix("_ARRAY")
    itemsize = META_BYTES.get(kind.removeprefix("U"), 0)
    if not itemsize:
        raise _broken(path, f"its voxels are of the type {kind or 'that is missing'}")
    channels = _whole(path, fields.get("elementnumberofchannels", "1"))
    packed = fields.get("compresseddata", "").lower().startswith("t")
    data = fields["elementdatafile"]
    listed = _listed(content, length)
    _check_held(path, (*shape, channels), itemsize, data=data, listed=listed, header=length, packed=packed)
    return place_in_meta(fields, shape)


def _check_nrrd(path: Path, content: bytes) -> list[str]:
    if not content.startswith(b"NRRD000"):
        raise _broken(path, "it is no NRRD file")
    fields: dict[str, str] = {}
    magic, *lines = content.split(b"\n")
    length = len(magic) + 1
    for line in lines:
        length += len(line) + 1
        text = line.strip()
        if not text:
            break
        if text.startswith(b"#") or b":=" in text:  # what Slicer keeps here may be long
            continue
        name, _, value = _text(path, line).partition(":")
        fields[name.strip().lower().replace(" ", "")] = value.strip()
        if LIST.match(fields.get("datafile", "")):
            break
    if unknown := sorted(set(fields) - NRRD_FIELDS):
        raise _broken(path, f"{unknown[0][:40]!r} is no entry")
    count = _whole(path, fields.get("dimension", ""))
    if not 1 <= count <= DIMENSIONS:
        raise _broken(path, f"it announces {count} dimensions")
    shape = [_whole(path, n) for n in fields.get("sizes", "").split()]
    if len(shape) != count:
        raise _broken(path, f"it has {len(shape)} sizes for {count} dimensions")
    itemsize = _nrrd_bytes(fields)
    if not itemsize:
        raise _broken(path, f"its voxels are of the type {fields.get('type') or 'that is missing'}")
    data = fields.get("datafile", "LOCAL")
    encoding = fields.get("encoding", "raw").lower()
    known = encoding in ("raw", "gzip", "gz")
    _check_held(
        path,
        shape,
        itemsize,
        data=data,
        listed=_listed(content, length),
        header=length,
        packed=encoding != "raw",
        known=known,
    )
    return place_in_nrrd(fields, shape)


def _nrrd_bytes(fields: Mapping[str, str]) -> int:
    kind = fields.get("type", "").lower()
    return next((size for name, size in NRRD_BYTES.items() if name in kind.replace("longlong", "64")), 0)


def _check_held(
    path: Path,
    shape: Sequence[int],
    itemsize: int,
    *,
    data: str,
    listed: Sequence[str],
    header: int,
    packed: bool,
    known: bool = True,
) -> None:
    """Compare what is announced with the file of the voxels."""
    if min(shape) < 1:
        raise _broken(path, f"it announces {' x '.join(map(str, shape))} voxels")
    local = data.upper() == "LOCAL"
    held = path.stat().st_size - header if local else bytes_of(path, data, listed, shape)
    check_announced(path, shape, itemsize, held if known else None, packed=DEFLATED if packed else 1)


def _listed(content: bytes, start: int) -> list[str]:
    """The lines behind a header, which may be names of files."""
    return content[start : start + MOST].decode("latin-1").splitlines()


def _text(path: Path, line: bytes) -> str:
    if len(line) > LONGEST:
        raise _broken(path, f"a line of it has {len(line)} letters")
    return line.decode("latin-1")


def _numbers(path: Path, text: str) -> list[float]:
    try:
        found = [float(word) for word in text.split()]
    except ValueError as error:
        raise _broken(path, f"{text[:40]!r} are no numbers") from error
    if not all(abs(number) < FARTHEST for number in found):
        raise _broken(path, f"{text[:40]!r} are beyond reason")
    return found


def _whole(path: Path, text: str) -> int:
    word = text.strip()
    if not (word.isascii() and word.isdigit() and len(word) <= 10):
        raise _broken(path, f"{word[:40]!r} is no number of voxels or dimensions")
    return int(word)


def _broken(path: Path, why: str) -> FileError:
    return FileError(
        f"{path.name} cannot be read: of its header, {why}; it may be damaged or of another kind."
    )
