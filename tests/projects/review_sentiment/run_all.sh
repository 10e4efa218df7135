for m in lstm cnn attention; do python train.py --model $m; done
