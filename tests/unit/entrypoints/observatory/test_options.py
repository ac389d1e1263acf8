"""Where a night's results go."""

from entrypoints.observatory.options import results_folder


def test_results_go_where_the_butler_can_export_to() -> None:
    assert results_folder(None, "SimCam").is_absolute()
