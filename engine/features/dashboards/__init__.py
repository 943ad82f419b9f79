"""Everything known of features in the files that SAEDashboard makes and Neuronpedia reads."""
