from .resnet import *
from .plain import plain_cnn
