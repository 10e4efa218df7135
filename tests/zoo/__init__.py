"""The zoo: hundreds of published models, without weights, and what modellint says of them."""
