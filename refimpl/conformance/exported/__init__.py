"""Cases as files for any language, by `refimpl vectors`, and results of others, by `refimpl check`.

layout       names: of folders, files and arrays
tensors      a case as arrays by name, and as a line of its method's index
containers   npz and safetensors, the same bytes for the same arrays
write        the whole folder, with its manifest
limits       what is refused in files that others wrote, and JSON within those limits
npz          the arrays of an npz file within those limits; `packed`: of a safetensors file
verify       a folder against its manifest
results      results computed elsewhere as a target of the check
command      `refimpl vectors`
"""
