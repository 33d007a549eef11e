"""What is made of weapons' pictures: cards, montages, morphs, their like."""
