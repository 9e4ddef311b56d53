# Copyright 2026 The AMuSE package authors. Licensed under the Apache License, Version 2.0.
"""Uploading a folder as a new version of a Hub repository, with one commit. Earlier versions stay in its history."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from httpx2 import HTTPError
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_token, is_offline_mode
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.utils import validate_repo_id

from modeling_amuse.processing.whole_files import whole_folder


def check_repo_id(repo_id: str, option: str = "--repo_id"):
    """
    Raises:
        ValueError: when the id does not have the form `user/name`.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ValueError(f"{option} {repo_id!r} is not the name of a repository: {error}") from error
    if repo_id.count("/") != 1:
        raise ValueError(f"{option} {repo_id!r} has no owner: give user/{repo_id}.")


def check_access(otherwise: str = "--dry_run DIR needs no access."):
    """
    Check that there is a token for the Hub.

    Args:
        otherwise: a sentence for the message that says what the user can do without access.

    Raises:
        ValueError: when there is no token, or the Hub is in offline mode.
    """
    if is_offline_mode():
        raise ValueError(f"HF_HUB_OFFLINE is set, so nothing can be uploaded: unset it. {otherwise}")
    if get_token() is None:
        raise ValueError(
            "There is no token for the Hub: create one with write access at https://huggingface.co/settings/tokens, then run "
            f"`hf auth login`, or set HF_TOKEN. {otherwise}"
        )


@contextmanager
def clear_hub_errors(repo_id: str) -> Iterator[None]:
    """
    Replace the Hub's errors by ones that say what to do.

    Raises:
        ValueError: when the Hub refuses the request.
        ConnectionError: when the Hub cannot be reached.
    """
    try:
        yield
    except (HTTPError, OfflineModeIsEnabled, RuntimeError) as error:
        cause = error
        while cause is not None and not isinstance(cause, (HTTPError, OfflineModeIsEnabled)):
            cause = cause.__cause__  # for uploads that failed in a thread
        if cause is None:
            raise
        if not isinstance(cause, HfHubHTTPError):
            raise ConnectionError(f"The Hub at {constants.ENDPOINT} cannot be reached: {cause}") from error
        status = cause.response.status_code
        said = cause.server_message or str(cause).splitlines()[0]
        if status == 401:
            raise ValueError(
                f"The Hub does not accept the token ({said}): create one with write access at "
                "https://huggingface.co/settings/tokens, then run `hf auth login`, or set HF_TOKEN."
            ) from error
        if status == 403:
            raise ValueError(
                f"The token has no permission for {repo_id} ({said}): check that {repo_id.split('/')[0]!r} is your name or an "
                "organization with write access for you, and that the token has write access."
            ) from error
        raise ValueError(f"The Hub refused the request for {repo_id} with the status {status}: {said}") from error


def prepare_repo(
    api: HfApi,
    repo_id: str,
    repo_type: str,
    private: bool,
    revision_tag: str | None,
    is_ours: Callable[[list[str]], bool],
) -> str:
    """
    Create the repository, or check that an existing one can take the next version.

    Args:
        api: the client of the Hub.
        repo_id: the name of the repository.
        repo_type: `model` or `dataset`.
        private: whether the repository must be private.
        revision_tag: the tag of the next version, if any.
        is_ours: a function that says from the file names of an existing repository whether they are an earlier version.

    Returns:
        The URL of the repository.

    Raises:
        ValueError: when the repository contains something else, is public although `private` is set, or already has the tag.
    """
    try:
        info = api.repo_info(repo_id, repo_type=repo_type)
    except RepositoryNotFoundError:
        info = None
    if info is not None:
        files = [file.rfilename for file in info.siblings or () if file.rfilename != ".gitattributes"]
        if files and not is_ours(files):
            raise ValueError(
                f"{repo_id} exists and contains something else ({', '.join(files[:4])}{', ...' if files[4:] else ''}): "
                "choose another --repo_id."
            )
        if private and not info.private:
            raise ValueError(
                f"{repo_id} exists and is public, which --private does not change: make it private in its settings on the "
                "Hub, or choose another --repo_id."
            )
        if revision_tag in [tag.name for tag in api.list_repo_refs(repo_id, repo_type=repo_type).tags]:
            raise ValueError(f"{repo_id} already has the tag {revision_tag}: choose another --revision_tag.")
    return str(api.create_repo(repo_id, repo_type=repo_type, private=private or None, exist_ok=True))


def upload_version(api: HfApi, folder: Path, repo_id: str, message: str) -> str:
    """
    Replace the files of a model repository by those of a folder in one commit, so that no incomplete version is visible.

    Returns:
        The hash of the commit.
    """
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    operations = [CommitOperationAdd(name, folder / name) for name in names]
    for name in api.list_repo_files(repo_id):
        if name not in names and name != ".gitattributes":
            operations.append(CommitOperationDelete(name))
    return api.create_commit(repo_id, operations, commit_message=message).oid


@contextmanager
def new_folder(wanted: str | None) -> Iterator[Path]:
    """
    An empty folder to write into. If the code inside succeeds, it is renamed to `wanted`, else it is removed.

    Args:
        wanted: a folder that does not exist or is empty. None: a temporary folder.

    Raises:
        ValueError: when `wanted` exists and is not empty.
    """
    if wanted is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    target = Path(wanted).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"--dry_run {wanted} exists and is not empty: choose another folder, or remove it.")
    with whole_folder(target) as unfinished:
        yield unfinished
