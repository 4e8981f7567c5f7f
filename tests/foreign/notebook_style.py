#!/usr/bin/env python
# coding: utf-8

# # Telling three kinds of small images apart
# Exported with `jupyter nbconvert --to script`.

# In[1]:


import csv, os, sys

import numpy as np

from drawn import draw


# In[2]:


k = int(os.environ.get("K", 5)) if len(sys.argv) < 2 else int(sys.argv[1])
split, out = (sys.argv + ["", "", "."])[2:4]
images, targets = draw()
x = images.reshape(len(images), -1)
x.shape


# In[3]:


import json

parts = json.load(open(split))
train, test = [np.array([int(name[3:]) for name in parts[part]], int) for part in ("fit", "test")]
distance = ((x[test][:, None] - x[train][None]) ** 2).sum(-1)
nearest = targets[train][np.argsort(distance, axis=1)[:, :k]]
predicted = np.array([np.bincount(row, minlength=3).argmax() for row in nearest])


# In[4]:


print("accuracy", (predicted == targets[test]).mean())
with open(os.path.join(out, "answers.csv"), "w", newline="") as stream:
    table = csv.writer(stream)
    table.writerow(["id", "target", "predicted"])
    table.writerows(zip([f"img{i:03d}" for i in test], targets[test], predicted))
