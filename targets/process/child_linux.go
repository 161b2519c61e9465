package process

import "syscall"

// childAttributes has the kernel kill a node when the harness dies, also a stopped one.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
