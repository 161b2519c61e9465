package checkers
import ("testing";"math/rand/v2";"time";"fmt")
func TestZZ(t *testing.T){
 random := rand.New(rand.NewPCG(77, uint64(time.Now().UnixNano())))
 bytes := make([]byte,160)
 n:=0
 counts:=map[string]map[string]int64{}
 for end:=time.Now().Add(25*time.Second); time.Now().Before(end); {
  for _,s:=range linScenarios{
   s.most=11
   for i:=range bytes{bytes[i]=byte(random.Uint32())}
   d:=linDice(bytes); h:=s.draw(&d); v:=s.compare(t,h); n++
   if counts[s.name]==nil{counts[s.name]=map[string]int64{}}
   for k,c:=range v.Counts{counts[s.name][k]+=c}
   for _,a:=range v.Anomalies{counts[s.name][fmt.Sprint(a.Kind," size ",len(a.Ops))]++}
  }
 }
 t.Log(n)
 for s,c:=range counts{t.Log(s,c)}
}
