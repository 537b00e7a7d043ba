"""Looking inside a compiled function: the traced graph, the passes, StableHLO, cost - and finding a wrong result."""

import treadle as tf

v = tf.Variable(2.0)


@tf.function
def f(x):
    y = (x * 1.0 + v) * (x * 1.0 + v)  # the same value twice, and a multiplication by one
    return tf.reduce_sum(y)


x = tf.constant([1.0, 2.0, 3.0])
concrete = f.get_concrete_function(x)
print("As traced:\n")
print(concrete.graph)
print("\nThe passes:\n")
print(concrete.pipeline())
print("\nWhat is compiled:\n")
print(concrete.pipeline().graph)
print("\nStableHLO, first lines:\n")
print("\n".join(concrete.stablehlo().splitlines()[:6]))
print("\nXLA's estimate:", {k: v for k, v in concrete.cost().items() if k in ("flops", "bytes accessed")})
print("\nFirst operation that differs from eager execution:", tf.debugging.compare(f, x))
