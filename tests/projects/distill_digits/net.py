import torch.nn as nn
import torch.nn.functional as F


class Student(nn.Module):
    def __init__(self, params):
        """
        Args:
            params: (Params) contains num_channels, dropout_rate
        """
        super(Student, self).__init__()
        self.num_channels = params.num_channels
        self.conv1 = nn.Conv2d(3, self.num_channels, 3, stride=1, padding=1)
        self.bn1 = nn.BatchNorm2d(self.num_channels)
        self.conv2 = nn.Conv2d(self.num_channels, self.num_channels * 2, 3, stride=1, padding=1)
        self.bn2 = nn.BatchNorm2d(self.num_channels * 2)
        self.conv3 = nn.Conv2d(self.num_channels * 2, self.num_channels * 4, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(self.num_channels * 4)

        # 2 fully connected layers to transform the output of the convolution layers
        self.fc1 = nn.Linear(4 * 4 * self.num_channels * 4, self.num_channels * 4)
        self.fcbn1 = nn.BatchNorm1d(self.num_channels * 4)
        self.fc2 = nn.Linear(self.num_channels * 4, 10)
        self.dropout_rate = params.dropout_rate

    def forward(self, s):
        #                                                  -> batch_size x 3 x 32 x 32
        s = self.bn1(self.conv1(s))  # batch_size x num_channels x 32 x 32
        s = F.relu(F.max_pool2d(s, 2))  # batch_size x num_channels x 16 x 16
        s = self.bn2(self.conv2(s))
        s = F.relu(F.max_pool2d(s, 2))
        s = self.bn3(self.conv3(s))
        s = F.relu(F.max_pool2d(s, 2))  # batch_size x num_channels*4 x 4 x 4
        s = s.view(-1, 4 * 4 * self.num_channels * 4)
        s = F.relu(self.fcbn1(self.fc1(s)))
        s = F.dropout(s, p=self.dropout_rate, training=self.training)
        return self.fc2(s)


class WideBlock(nn.Module):
    def __init__(self, in_planes, out_planes, stride, dropRate=0.0):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_planes)
        self.conv1 = nn.Conv2d(in_planes, out_planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_planes)
        self.conv2 = nn.Conv2d(out_planes, out_planes, 3, padding=1, bias=False)
        self.droprate = dropRate
        self.shortcut = None
        if in_planes != out_planes or stride > 1:
            self.shortcut = nn.Conv2d(in_planes, out_planes, 1, stride=stride, bias=False)

    def forward(self, x):
        out = F.relu(self.bn1(x))
        identity = x if self.shortcut is None else self.shortcut(out)
        out = F.relu(self.bn2(self.conv1(out)))
        out = F.dropout(out, p=self.droprate, training=self.training)
        return identity + self.conv2(out)


class WideTeacher(nn.Module):
    def __init__(self, depth, num_classes=10, widen_factor=1, dropRate=0.0):
        super().__init__()
        assert (depth - 4) % 6 == 0
        n = (depth - 4) // 6
        n_channels = [16, 16 * widen_factor, 32 * widen_factor, 64 * widen_factor]
        self.conv1 = nn.Conv2d(3, n_channels[0], 3, padding=1, bias=False)
        groups = []
        for i in range(3):
            for j in range(n):
                cin = n_channels[i] if j == 0 else n_channels[i + 1]
                stride = 2 if i > 0 and j == 0 else 1
                groups.append(WideBlock(cin, n_channels[i + 1], stride, dropRate))
        self.blocks = nn.Sequential(*groups)
        self.bn1 = nn.BatchNorm2d(n_channels[3])
        self.fc = nn.Linear(n_channels[3], num_classes)
        self.nChannels = n_channels[3]

    def forward(self, x):
        out = self.blocks(self.conv1(x))
        out = F.relu(self.bn1(out))
        out = F.avg_pool2d(out, 8)
        out = out.view(-1, self.nChannels)
        return self.fc(out)


def loss_fn_kd(outputs, labels, teacher_outputs, params):
    alpha = params.alpha
    T = params.temperature
    kl = nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(outputs / T, dim=1), F.softmax(teacher_outputs / T, dim=1)
    )
    return kl * (alpha * T * T) + F.cross_entropy(outputs, labels) * (1.0 - alpha)
