"""Where the installation is, wherever this project's modules move."""

from entrypoints.containers.parts.deployment import INSTALL


def test_the_installation_holds_packages_and_data() -> None:
    assert (INSTALL / "prompt_pipelines" / "pipelines" / "ApPipe.yaml").is_file()
    assert any((INSTALL / "cameras").glob("*.yaml"))
