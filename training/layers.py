"""What the networks are built of."""

from torch import nn


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, activate: bool = True) -> nn.Sequential:
    """Convolution, batch norm and (unless told) ReLU."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activate else []))
