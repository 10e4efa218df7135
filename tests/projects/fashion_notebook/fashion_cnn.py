#!/usr/bin/env python
# coding: utf-8

# # Fashion articles with a small CNN
#
# Exported from the notebook.

# In[1]:


import torch
import torch.nn as nn
import torch.nn.functional as F

from helpers import load_split, plot_history

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
device


# In[2]:


train_x, train_y = load_split("train")
test_x, test_y = load_split("t10k")
print(train_x.shape, train_y.shape)


# In[3]:


class FashionCNN(nn.Module):
    def __init__(self):
        super().__init__()

        self.layer1 = nn.Sequential(
            nn.Conv2d(in_channels=1, out_channels=32, kernel_size=3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=2, stride=2),
        )

        self.layer2 = nn.Sequential(
            nn.Conv2d(in_channels=32, out_channels=64, kernel_size=3),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )

        self.fc1 = nn.Linear(in_features=64 * 6 * 6, out_features=600)
        self.drop = nn.Dropout(0.25)
        self.fc2 = nn.Linear(in_features=600, out_features=120)
        self.fc3 = nn.Linear(in_features=120, out_features=10)

    def forward(self, x):
        out = self.layer1(x)
        out = self.layer2(out)
        out = out.view(out.size(0), -1)
        out = F.relu(self.fc1(out))
        out = self.drop(out)
        out = F.relu(self.fc2(out))
        return self.fc3(out)


# In[4]:


model = FashionCNN().to(device)
error = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
print(model)


# In[5]:


history = []
for epoch in range(1):
    for i in range(0, len(train_x), 100):
        images, labels = train_x[i : i + 100].to(device), train_y[i : i + 100].to(device)
        train = images.view(-1, 1, 28, 28)
        outputs = model(train)
        loss = error(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
plot_history(history)


# In[6]:


# a plain network for comparison
mlp = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 256),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(256, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
)
with torch.no_grad():
    print((mlp(test_x.unsqueeze(1)).argmax(1) == test_y).float().mean())
