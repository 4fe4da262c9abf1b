"""Downloads: a design of the store, written by an exporter into a private folder and sent as one zip.

The address holds a campaign id, a trial number and the name of an exporter; each is looked up. No path and
no file name ever comes from the browser, and the folder is gone before the answer is sent.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from pathlib import Path
from urllib.parse import quote

from flask import Flask, Response

from dashboards.data import Frame
from dashboards.source import CampaignSource, Unavailable
from dse.errors import DseError, InputError
from dse.registry import names, resolve

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def export_address(campaign_id: str, trial: int, target: str) -> str:
    """Where the zip of one design for one target is."""
    return f"/export/{quote(campaign_id, safe='')}/{trial}/{quote(target, safe='')}.zip"


def register(server: Flask, source: CampaignSource) -> None:
    """Answer the addresses of `export_address`, and nothing else below them."""

    @server.get("/export/<path:_>")
    def nothing(_: str) -> Response:
        return _problem(404, "No such download.")

    @server.get("/export/<campaign_id>/<int:trial>/<target>.zip")
    def export(campaign_id: str, trial: int, target: str) -> Response:
        if target not in names("exporter"):
            return _problem(404, "No such exporter.")
        try:
            frame = source.frame(campaign_id)
            row = frame.row_of(trial)
            if row is None:
                return _problem(404, "This campaign has no such design.")
            content = exported(frame, row, target)
        except Unavailable as problem:
            return _problem(404, str(problem))
        except (InputError, DseError) as problem:
            return _problem(422, f"{target} cannot hold this design: {problem}")
        answer = Response(content, mimetype="application/zip")
        answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(frame, trial, target)}"'
        return answer


def exported(frame: Frame, row: int, target: str) -> bytes:
    """The zip of what the exporter wrote for one row of a frame."""
    export = resolve("exporter", target)
    point = frame.space.from_indices(frame.indices[row])
    measured = dict(zip(frame.metric_names, frame.values[row].tolist(), strict=True))
    metrics = None if frame.estimated[row] else measured
    with tempfile.TemporaryDirectory(prefix="dse-export-") as folder:
        export(point, frame.description, Path(folder), trace=None, metrics=metrics)
        return zipped(Path(folder))


def zipped(folder: Path) -> bytes:
    """All plain files below a folder, in name order and dated alike: equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _FIXED_DATE)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return buffer.getvalue()


def file_name(frame: Frame, trial: int, target: str) -> str:
    """`sort-ddr4-1234-dramsys.zip`, with nothing in it that a file system or a header could mistake."""
    name = _UNSAFE.sub("-", frame.name).strip("-.")[:60] or "design"
    return f"{name}-{trial}-{_UNSAFE.sub('-', target)}.zip"


def _problem(status: int, text: str) -> Response:
    return Response(text + "\n", status, mimetype="text/plain")
