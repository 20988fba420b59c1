"""Explain what goes wrong with a hub, and how to mend it."""

from __future__ import annotations

from bench.core.errors import SourceError

_NO_HUB_NEEDED = "`--profile offline` needs no hub"


def explain(error: BaseException, *, what: str, host: str, offline: bool) -> SourceError:
    """Return the error to raise in place of one that came out of huggingface_hub or datasets.

    Args:
        error: what was caught; its causes are looked at too, because both libraries wrap.
        what: the source, as in its identity.
        host: the hub's host, from HF_ENDPOINT.
        offline: whether the cache alone was to be used.
    """
    if offline:
        return SourceError(
            f"{what}: not in the Hub client's cache, and --offline forbids fetching it; "
            f"run `bench fetch` once with {host} in reach, or use another profile: {_NO_HUB_NEEDED}"
        )
    names = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    if isinstance(error, SourceError):
        return error
    return SourceError(f"{what}: {_reason(error, names, host)}")


def _reason(error: BaseException, names: set[str], host: str) -> str:
    # By name, because the two libraries raise each other's classes and move them between versions.
    # datasets drops the cause where a repository is missing or gated, and keeps only the sentence.
    missing = "DatasetNotFoundError" in names and "RevisionNotFoundError" not in names
    if "GatedRepoError" in names or (missing and "gated" in str(error)):
        return f"{host} lets only accounts with access read it; accept its terms there and log in with `hf auth login`"
    if "RevisionNotFoundError" in names:
        return f"{host} has the repository but not this revision; copy a full commit hash from its history"
    if missing or "RepositoryNotFoundError" in names:
        return f"{host} has no such repository, or it is private; check its id, or log in with `hf auth login`"
    if "OfflineModeIsEnabled" in names:
        return f"HF_HUB_OFFLINE is set, so {host} is not asked; unset it, or do without: {_NO_HUB_NEEDED}"
    if names & {"TransportError", "ConnectionError"}:
        return f"{host} cannot be reached; check the network and HF_ENDPOINT, or do without: {_NO_HUB_NEEDED}"
    if "HfHubHTTPError" in names:
        status = next(s for link in _chain(error) if (s := _status(link)) is not None)
        return f"{host} answered with status {status}; try again later, or do without: {_NO_HUB_NEEDED}"
    if "Consistency check failed" in str(error):
        return f"{host} sent a file that is cut short ({_first_line(error)}); run again"
    return f"could not be read from {host} ({type(error).__name__}: {_first_line(error)}); check id, config and split"


def _chain(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None and error not in links:
        links.append(error)
        error = error.__cause__ or error.__context__
    return links


def _status(error: BaseException) -> int | None:
    status: int | None = getattr(getattr(error, "response", None), "status_code", None)
    return status


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), "no reason given")
