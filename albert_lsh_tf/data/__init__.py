"""Raw files to examples, features and `tf.data`."""
