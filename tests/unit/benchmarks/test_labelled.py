"""What is true among the peaks of a copy into which sources were put."""

import numpy as np

from benchmarks.sky.chain import Subtracted, Truth
from benchmarks.sky.labelled import label
from prompt_pipelines.psf import PsfModel
from tests.unit.prompt_pipelines.chain import catalogue, process, template_of
from tests.unit.prompt_pipelines.pictures import field, picture

SIZE = 256
NEW, OWN = (60.3, 150.2), (180.4, 80.6)


def _truth(x: float, y: float) -> Truth:
    return Truth(x=np.array([x]), y=np.array([y]), snr=np.array([np.nan]))


def test_what_may_be_either_is_left_out() -> None:
    sky = field(SIZE, 36)
    with_both = sky.and_also(*NEW, 20000.0).and_also(*OWN, 20000.0)
    made = process(picture(with_both, SIZE), catalogue(sky, picture(sky, SIZE)), [template_of(sky, SIZE)])
    image = Subtracted(
        image=made.difference_image,
        psf=PsfModel(made.difference_psf.array, 0),
        template=made.template_detector.array,
        truth=_truth(*NEW),
        unknown=_truth(*OWN),
    )
    night = label("", [image])
    assert night.is_true.tolist() == [True]
