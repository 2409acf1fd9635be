"""Solutions of notebook 8: each part replaces the cell of its exercise (``make teacher``)."""

# %% imports
import numpy as np


# %% devices_needed
def devices_needed(trainings, steps, seconds_per_step, hours):
    """Return the fewest devices that are done in time; 0 if no number is enough."""
    each = hours * 3600 // (steps * seconds_per_step)  # trainings that one device gets done
    return -(-trainings // each) if each > 0 else 0  # // rounds down, -(-a // b) up


# %% [markdown] devices_needed
# A training takes $64{,}000 \cdot 0.05 = 3200$ seconds, so a device gets 2 of them done in two
# hours, and 50 need 25 devices. Shared evenly it would be 22.2 devices. But the 800 seconds that
# are left on each device are of no use to anybody. `finished([3200] * 50, 25)` says 6400 seconds;
# with 24 devices it is 9600.
#
# The two roundings go in different directions: trainings for each device are rounded down, devices
# are rounded up.


# %% learning_rate
def learning_rate(step, layers):
    """Return the rate of a step, counted from 0, for a net of so many layers."""
    if layers == 110 and step < 400:
        return 0.01
    return 0.1 / 10 ** ((step >= 32_000) + (step >= 48_000))


# %% [markdown] learning_rate
# Counted from 0, step 32,000 comes after 32,000 steps, and is the first with the smaller rate:
# hence `>=`. The warm-up is a matter of depth. He et al. 2015 found that 0.1 is slightly too large
# for 110 layers to start converging. They waited for the training error to fall below 80 %, about
# 400 steps. `paper.rate` waits for that as well.
#
# The steps to look at are the last before each change and the first after it: 399 and 400, 31,999
# and 32,000, 47,999 and 48,000, for 110 layers and for another depth.


# %% augment
def augment(images, random):
    """Return a crop of each padded image, half of them flipped: the shape of ``images``."""
    count, _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    out = np.empty_like(images)
    for i in range(count):
        row, column = random.integers(0, 9, 2)
        crop = padded[i, :, row : row + height, column : column + width]
        out[i] = crop[:, :, ::-1] if random.random() < 0.5 else crop
    return out


# %% [markdown] augment
# Only the last two axes are padded. There are 9 places along each of them, 0 to 8, and the 8 is
# easily lost: `integers(0, 8)` leaves it out. The flip is along the last axis, the width: no camera
# sees a car on its roof. One image can become $9 \cdot 9 \cdot 2 = 162$ pictures.
#
# Zeros are not black here. The mean image was subtracted before, so 0 stands for the mean of that
# pixel.

# %% [markdown] open_question
# A good answer puts a number on each choice. The nets of 110 layers are 43 % of the whole study, so
# they go first. The depths 20 and 56, both arms, one seed, cost 5.7 %; 20 and 44 with two seeds,
# 9.4 %. With one seed nobody can tell a difference from chance. With one arm there is no comparison
# at all. Half the steps is another recipe: its errors cannot be compared with the published ones.
# Images of 16 x 16 pixels cost a quarter of the work, and are another task. What is left can still
# say whether the plain net's training error grows with depth, and no longer how the two arms go on
# beyond 56 layers. And the cheapest training comes first, to find mistakes before the long ones
# begin.
