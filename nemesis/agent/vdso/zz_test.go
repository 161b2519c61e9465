//go:build linux && amd64

package vdso
import ("testing";"time";"os/exec";"bufio";"fmt";"os")
func TestZZ(t *testing.T){
 cmd:=exec.Command("python3","/tmp/vd/fork.py"); in,_:=cmd.StdinPipe(); o,_:=cmd.StdoutPipe(); cmd.Stderr=os.Stderr; cmd.Start(); defer cmd.Process.Kill()
 r:=bufio.NewReader(o); rd:=func() string {s,_:=r.ReadString('\n'); return s}
 t.Log(rd()); pid:=cmd.Process.Pid
 must(t,Set(pid,time.Hour)); fmt.Fprintln(in); t.Log(rd())
 must(t,Restore(pid)); fmt.Fprintln(in); t.Log(rd())
 a:=time.Now(); err:=Set(pid,time.Hour); t.Log(time.Since(a),err)
 untraced(t,pid)
 fmt.Fprintln(in); t.Log(rd())
 f,_:=os.OpenFile(fmt.Sprintf("/tmp/vd/fifo%d",pid),os.O_WRONLY,0); 
 a=time.Now(); err=Set(pid,time.Hour); t.Log(time.Since(a),err); f.Close()
 fmt.Fprintln(in); t.Log(rd())
}
