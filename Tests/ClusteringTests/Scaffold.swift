import Testing
import Clustering
