from ecg.autoencoder import ConvAutoencoder, RecurrentAutoencoder
