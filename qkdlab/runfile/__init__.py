"""The run file: one HDF5 file per party, valid Photon-HDF5 with our tree inside."""
