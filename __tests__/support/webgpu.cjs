// The library that the package `webgpu` wraps in an ES module, which jest cannot load.
const {platform, arch} = process;
const folder = platform === 'darwin' ? 'darwin-universal' : `${platform}-${arch}`;
module.exports = require(`../../node_modules/webgpu/dist/${folder}/dawn.node`);
