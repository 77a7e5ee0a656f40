"""From losses to a step: the gradient of batches taken together is that of one large batch."""

import torch
from torch import nn, optim

from archivecolor.training.distributed import SINGLE_PROCESS
from archivecolor.training.optimiser_step import OptimiserStep, StepConfig
from archivecolor.training.tensors import Batch

STEP_CONFIG = StepConfig(torch.device("cpu"), torch.float32, clip=0.0, distributed=SINGLE_PROCESS)


def optimiser_step(step_config=STEP_CONFIG):
    torch.manual_seed(0)
    network = nn.Conv2d(1, 2, 3)
    return network, OptimiserStep(network, optim.SGD(network.parameters(), lr=0.1), step_config)


def batch_of(lightness):
    return Batch(lightness, torch.zeros(len(lightness), 2, 6, 6), lightness)


def loss_with(network):
    return lambda batch: {
        "l2": network(batch.lightness).square().mean(),
        "l1": network(batch.lightness).abs().mean(),
    }


def test_accumulated_batches_take_the_step_of_one_large_batch():
    lightness = torch.randn(6, 1, 8, 8)
    (whole, at_once), (parts, piecewise) = optimiser_step(), optimiser_step()
    first = at_once.step(loss_with(whole), [batch_of(lightness)])
    second = piecewise.step(loss_with(parts), [batch_of(part) for part in lightness.split(2)])
    torch.testing.assert_close(list(whole.parameters()), list(parts.parameters()))
    torch.testing.assert_close(second, first, rtol=1e-5, atol=0.0)


def test_gradients_are_clipped_and_no_step_is_longer():
    network, clipped = optimiser_step(
        StepConfig(torch.device("cpu"), torch.float32, clip=0.01, distributed=SINGLE_PROCESS)
    )
    before = nn.utils.parameters_to_vector(network.parameters()).detach().clone()
    clipped.step(loss_with(network), [batch_of(100 * torch.randn(2, 1, 8, 8))])
    moved = nn.utils.parameters_to_vector(network.parameters()).detach() - before
    assert 0 < float(moved.norm()) <= 0.1 * 0.01 * 1.001


def test_where_there_is_no_loss_the_network_rests():
    network, resting = optimiser_step()
    before = [parameter.detach().clone() for parameter in network.parameters()]
    assert resting.step(lambda batch: {}, [batch_of(torch.randn(2, 1, 8, 8))]) == {}
    torch.testing.assert_close(list(network.parameters()), before)
