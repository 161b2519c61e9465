// Package ci holds, as data, what is run over and over: the claims about replication, one experiment
// file each.
package ci

import "embed"

// Claims has the files claims/*.yaml. A claim is an experiment file whose name is the claim's id, whose
// about is the claim's sentence, and whose variants each carry what they must show.
//
//go:embed claims/*.yaml
var Claims embed.FS
