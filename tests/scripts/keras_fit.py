# A beginner's quickstart, with `import keras` too.
import keras
import numpy as np
import tensorflow as tf
import tensorflow.keras.layers as L
from tensorflow.keras.callbacks import EarlyStopping
from tensorflow.keras.optimizers import Adam

tf.random.set_seed(1)
np.random.seed(1)
x = np.random.rand(300, 8, 8).astype("float32")
y = (x[:, :4].mean(axis=(1, 2)) > x[:, 4:].mean(axis=(1, 2))).astype("int64")

model = tf.keras.models.Sequential() if hasattr(tf.keras, "models") else tf.keras.Sequential()
model.add(L.Flatten(input_shape=(8, 8)))
model.add(L.Dense(32, activation="relu"))
model.add(L.Dropout(0.1))
model.add(keras.layers.Dense(2))
model.compile(optimizer=Adam(learning_rate=0.01), loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
              metrics=["accuracy"])
history = model.fit(x[:250], y[:250], epochs=20, validation_split=0.2, verbose=2,
                    callbacks=[EarlyStopping(monitor="val_loss", patience=5)])
loss, accuracy = model.evaluate(x[250:], y[250:], verbose=0)
probability_model = tf.keras.Sequential([model, tf.keras.layers.Softmax()])
print(probability_model(x[:3]).numpy().sum(axis=1).round(4).tolist())
print("accuracy above 0.6:", bool(accuracy > 0.6))
