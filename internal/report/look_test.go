package report

import ("testing";"strings")

func TestLook(t *testing.T) {
	d := "/tmp/look"
	run := testRun(StatusSealed)
	src := plausibleSource(8, 38, false)
	for i := range src.rows[viewChanges] { if i%3==0 { r := src.rows[viewChanges][i]; r["class"]="ADDED"; r["field"]=nil; r["before"]=strings.Repeat(`{"id":"x","decision":null,"comments":"y"}`, 9); r["after"]=nil; if i%2==0 { r["after"]=r["before"]; r["before"]=nil } } }
	mustWrite(t, d+"/a", run, src, both())
	mustWrite(t, d+"/b", run, plausibleSource(8,38,true), both())
	run.Status = StatusPartial
	mustWrite(t, d+"/c", run, hostileSource(append(hostileTexts(), tooLong()...)), both())
}
