//! DAMSM, which pre-trains STEM: an image encoder and losses that match words to regions (AttnGAN, section 3.2).
