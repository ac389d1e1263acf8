"""The frames of files on disk, read by the camera's rules."""

from pathlib import Path

from adapters.common.converters import is_unicode
from adapters.common.opened import Opened
from adapters.common.own_threads import OwnThreads
from adapters.folder.files import check_unchanged
from domain.cameras.camera import Camera
from domain.errors import PromptProcessingError
from domain.headers.file_frames import FrameInFile, frames_in, parts_in
from domain.raws.frame_files import FrameFile
from domain.raws.raws import make_raw_key, parse_raw_keys, sidecar_key
from ports.incoming import FileGoneError, FileNotWholeError, FrameContents, FrameUnreadableError, ReadFrame
from raw_files.cards import is_floating
from raw_files.errors import RawFileError, TruncatedFileError
from raw_files.names import split_name
from raw_files.reading import read_parts

__all__ = ["FolderFrameReader"]


class FolderFrameReader(Opened):
    """`ports.incoming.FrameReader`, in a thread of its own.

    Parameters
    ----------
    camera
        Whose rules say what headers mean, and how raws are named.
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._thread = OwnThreads("frame-reader", FileNotWholeError)

    async def open(self) -> None:
        """Get ready."""
        self._thread.open()

    async def close(self) -> None:
        """Wait for what goes on."""
        await self._thread.close()

    async def read(self, file: FrameFile) -> FrameContents:
        """Read headers, and check that the pixels are there."""
        return await self._thread.run(self._read, file)

    def _read(self, file: FrameFile) -> FrameContents:
        check_unchanged(file)
        path = Path(file.path)
        if not is_unicode(file.path):
            raise FrameUnreadableError("its name is no Unicode: give it another")
        parts = parts_in(self._camera, path.name)
        try:
            found = read_parts(path, [(part.sizes, part.hdus) for part in parts], to_be_read=False)
            read = frames_in(self._camera, path.name, parts, found)
            frames = tuple(self._frame(one, path.name) for one in read.frames)
        except TruncatedFileError as error:
            raise FileNotWholeError(str(error)) from error
        except (RawFileError, PromptProcessingError) as error:
            raise FrameUnreadableError(str(error)) from error
        except FileNotFoundError as error:
            raise FileGoneError("it is not there any more") from error
        except OSError as error:
            raise FileNotWholeError(f"it cannot be read: {error.strerror}") from error
        check_unchanged(file)
        return FrameContents(frames=frames, lacking=read.lacking)

    def _frame(self, found: FrameInFile, name: str) -> ReadFrame:
        exposure = found.exposure
        if exposure.observation_type == "science" and exposure.physical_filter not in self._camera.filters:
            raise FrameUnreadableError(f"{exposure.physical_filter!r} is no filter of {exposure.instrument}")
        stem, extension = split_name(name) or (name, ".fits")
        key = make_raw_key(self._camera, exposure, extension=extension, stem=stem)
        sidecar = sidecar_key(parse_raw_keys(self._camera, key)[0])
        return ReadFrame(
            exposure=exposure,
            key=key,
            sidecar=sidecar,
            cards=found.cards,
            is_floating=is_floating(found.cards),
        )
