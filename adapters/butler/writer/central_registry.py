"""The central registry, as the Butler Writer writes it."""

from collections.abc import Sequence
from uuid import UUID

from lsst.daf.butler import Butler

from adapters.butler.shared.database_errors import blames_repository
from adapters.butler.shared.messages import Decoder, Outputs
from adapters.butler.shared.steps import one_line
from adapters.butler.writer.message_paths import MessagePaths, file_stores
from adapters.butler.writer.message_rules import MessageRules
from adapters.butler.writer.registrar import Registrar, quick_ingest
from adapters.common.own_threads import OwnThreads
from domain.errors import PromptProcessingError
from ports.central_registry import OutputEvent, RegistryUnavailableError, UnappliableEventError

__all__ = ["ButlerCentralRegistry"]


class ButlerCentralRegistry:
    """Applies workers' messages to a Butler repository.

    One thread does all the work: a Butler is not to be shared between them.

    Parameters
    ----------
    repository
        URI or label.
    quick
        Whether what is not public of the Butler may be used.
    rules
        What messages may name.
    """

    def __init__(self, repository: str, *, quick: bool = True, rules: MessageRules | None = None) -> None:
        self._repository = repository
        self._quick = quick
        self._rules = rules or MessageRules()
        self._new_types: set[str] = set()
        self._registrar = self._make_registrar()
        self._butler: Butler | None = None
        self._thread = OwnThreads("registry", RegistryUnavailableError)
        self._thread.open()

    async def apply(self, events: Sequence[OutputEvent]) -> Sequence[UUID]:
        """See `ports.central_registry.CentralRegistry.apply`."""
        return await self._thread.run(self._apply, list(events))

    async def close(self) -> None:
        """Let go of the repository."""
        await self._thread.close(self._disconnect)

    def _apply(self, events: Sequence[OutputEvent]) -> Sequence[UUID]:
        butler = self._connect()
        try:
            decoder = Decoder(butler.dimensions, butler.get_dataset_type)
            paths = MessagePaths(file_stores(butler), self._rules.raw_roots)
            batch = [self._read(event, decoder, paths) for event in events]
            paths.check_owners()
            self._registrar.register(butler, batch)
        except UnappliableEventError:
            raise
        except FileNotFoundError as error:
            raise self._lost_file(error) from error
        # A conflict shows itself in the registry's, the database's and the datastore's own errors.
        # Formatters are imported by the names that messages give, and modules may end the process.
        except (Exception, SystemExit) as error:
            text = f"{self._repository}: {one_line(error)}"
            if blames_repository(error):
                self._disconnect()
                raise RegistryUnavailableError(text) from error
            raise UnappliableEventError(text) from error
        return [ref.id for outputs in batch for file in outputs.files for ref in file.refs]

    def _lost_file(self, error: FileNotFoundError) -> PromptProcessingError:
        """Tell a worker's file that is not there from a repository that is not."""
        text = f"{self._repository}: {one_line(error)}"
        try:
            is_there = Butler.has_repo_config(self._repository)
        except Exception:  # noqa: BLE001 - each store has errors of its own, and none is a message's
            is_there = False
        if is_there:
            return UnappliableEventError(text)
        self._disconnect()
        return RegistryUnavailableError(text)

    def _connect(self) -> Butler:
        if self._butler is None:
            try:
                self._butler = Butler.from_config(self._repository, writeable=True)
            except Exception as error:
                # Whatever it is, no message is to blame.
                raise RegistryUnavailableError(f"{self._repository}: {one_line(error)}") from error
        return self._butler

    def _disconnect(self) -> None:
        butler, self._butler = self._butler, None
        self._registrar = self._make_registrar()
        if butler is not None:
            butler.close()

    def _make_registrar(self) -> Registrar:
        return Registrar(quick_ingest() if self._quick else None, self._new_types)

    def _read(self, event: OutputEvent, decoder: Decoder, paths: MessagePaths) -> Outputs:
        try:
            outputs = decoder.decode(event.body)
            self._rules.check(outputs.files)
            paths.check(outputs.files)
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            if blames_repository(error):
                raise
            raise UnappliableEventError(f"{event.position}: unreadable ({one_line(error)})") from error
        return outputs
