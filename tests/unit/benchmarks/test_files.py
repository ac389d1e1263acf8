from benchmarks.visits import visit_night


def test_the_files_that_benchmarks_name_are_there() -> None:
    jobs = visit_night.AP_PIPE, visit_night.LIGHT
    pipelines = [visit_night.ROOT / name for job in jobs for name in (job.preprocessing, job.main)]
    assert [file for file in (visit_night.CAMERA_FILE, *pipelines) if not file.is_file()] == []
