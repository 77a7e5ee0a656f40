"""Motion between frames, and where it is trusted."""

import cv2
import numpy as np

from archivecolor.film.motion import MotionEstimator


def sky(seed):
    """An even sky: a faint ramp, and unevenness that differs from frame to frame."""
    noise = np.random.default_rng(seed).normal(0, 1, (128, 172)).astype(np.float32)
    uneven = cv2.GaussianBlur(noise, (0, 0), 6)
    return 0.6 + np.linspace(0, 0.1, 128, dtype=np.float32)[:, None] + 0.006 * uneven / uneven.std()


def test_an_even_sky_is_the_same_sky_whatever_the_flow_says():
    motion = MotionEstimator().estimate(sky(1), 0.95 * sky(2))
    assert motion.from_before.trust.mean() > 0.7
    assert motion.from_after.trust.mean() > 0.7


def test_what_was_hidden_is_not_trusted():
    texture = np.random.default_rng(3).random((16, 22)).astype(np.float32)
    ground = cv2.resize(texture, (176, 128), interpolation=cv2.INTER_CUBIC)
    before, after = ground.copy(), ground.copy()
    before[40:80, 60:100] = 0.05
    after[40:80, 68:108] = 0.05
    trust = MotionEstimator().estimate(before, after).from_before.trust
    assert trust[44:76, 60:67].mean() < 0.5
    assert trust[:30].mean() > 0.9
