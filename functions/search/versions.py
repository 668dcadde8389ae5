"""The versions of a shop's index, to administrators: which there are, and answering from an older one."""

from __future__ import annotations

from functions.search import rebuild
from functions.search.engine import index
from functions.search.engine.port import Manifest
from functions.search.models import IndexVersion, IndexVersions, RollbackRequest
from shared import audit
from shared.http.auth import Principal


def listed(shop: str) -> IndexVersions:
    """What is kept, newest first, and how the index stands."""
    stats = index().stats(shop)
    current = stats.current.version if stats.current else None
    latest = rebuild.latest(shop)
    return IndexVersions(
        shop=shop,
        engine=stats.engine,
        current=current,
        items=[_view(manifest, current) for manifest in index().versions(shop)],
        products=stats.main,
        delta=stats.delta,
        hidden=stats.hidden,
        seq=stats.seq,
        rebuild_due=stats.rebuild_due,
        rebuild=None
        if latest is None
        else {
            "jobId": latest["jobId"].removeprefix("job:"),
            "status": latest["status"],
            "reason": latest["reason"],
            "at": latest["updatedAt"],
        },
    )


def rollback(admin: Principal, shop: str, version: str, wanted: RollbackRequest) -> IndexVersion:
    """Answer from an older version; writes since it are replayed over it, none is lost.

    Raises:
        NotFound: `index_version_not_found`.
        Conflict: `index_published_meanwhile`; retryable.
        Unavailable: `index_model_mismatch`.
    """
    manifest = index().rollback(shop, version)
    audit.record(admin.user_id, "INDEX_ROLLED_BACK", subject=version, shop=shop, reason=wanted.reason)
    return _view(manifest, manifest.version)


def _view(manifest: Manifest, current: str | None) -> IndexVersion:
    return IndexVersion(
        version=manifest.version,
        current=manifest.version == current,
        parent=manifest.parent,
        engine=manifest.engine,
        model_id=manifest.model_id,
        dim=manifest.dim,
        count=manifest.count,
        bytes=manifest.bytes,
        seq=manifest.seq,
        built_at=manifest.built_at,
        eval=manifest.recall10,
    )
