class Config:
    training_dir = "./data/faces/training/"
    testing_dir = "./data/faces/testing/"
    train_batch_size = 8
    train_number_epochs = 1
    image_size = 100
    embedding = 5
