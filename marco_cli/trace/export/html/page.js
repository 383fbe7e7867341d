// How the page begins, once all its parts are there.
drawing.renew();
drawing.measure();
new ResizeObserver(drawing.measure).observe(drawing.view);
camera.open();
outcome.tell();
details.describe(0);
input.listen();
