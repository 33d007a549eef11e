"""Conditional DCGAN: DCGAN whose two networks are told the class (Mirza & Osindero 2014, arXiv 1411.1784).

As the conditional DCGANs of the framework examples have it: the class becomes a vector for the generator and a map of
its own for the discriminator, stacked on the picture's channels.

How the vector enters the generator decides whether the classes collapse. Beside z (`concatenate`, the paper's) batch
norm sees one sum of two parts, so z may fade as long as the class varies within the batch, and it does fade: with a
vector as long as z every class became one picture, whatever the discriminator. With `normalise`, the default, z alone
passes the convolutions, where batch norm keeps it at unit variance, and the class sets the norms' gains and biases
(de Vries et al. 2017, arXiv 1707.00683, as in projection GANs: Miyato & Koyama 2018). `multiply` (class times z, element
by element) keeps z too, but says the class only by which elements of z are large; truncation 0 forgets it. Held-out
scores on dcss-weapons-plus after 24,000 images, one seed each: concatenated at unit length FID 322, recall 0, at a
tenth 163, .14; multiplied 144, .44; normalised 127, .28 (DCGAN without classes 158, .36 after 32,000).

Without classes it is gan/networks/dcgan.py's DCGAN.
"""
