"""Layers shared by the networks."""

from torch import nn


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, activate: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, unless disabled, ReLU."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activate else []))
