package main

import (
	"log/slog"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is a bar on the terminal; where standard error is none, or progress
// is not wanted, its zero value, which shows nothing.
type progress struct {
	bars  *mpb.Progress
	bar   *mpb.Bar
	close func()
}

func (a *app) progress(what string) *progress {
	out := terminal(a.stderr)
	if a.noProgress || out == nil {
		return &progress{close: func() {}}
	}
	bars := mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
	bar := bars.AddBar(0,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(what+" "), decor.CountersNoUnit("%d of %d")),
		mpb.AppendDecorators(decor.Percentage(), decor.Name(" "), decor.Elapsed(decor.ET_STYLE_GO)))
	p := &progress{bars: bars, bar: bar}
	p.close = sync.OnceFunc(func() {
		bar.Abort(true)
		bars.Wait()
	})
	return p
}

// set moves the bar. It may be called from any goroutine.
func (p *progress) set(done, total int) {
	if p.bar != nil {
		p.bar.SetTotal(int64(total), false)
		p.bar.SetCurrent(int64(done))
	}
}

// logger is the app's log, written above the bar where there is one.
func (p *progress) logger(a *app) *slog.Logger {
	if p.bars == nil {
		return a.log
	}
	above := *a
	above.stderr = p.bars
	if above.openLog() != nil {
		return a.log
	}
	return above.log
}
