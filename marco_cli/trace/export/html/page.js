// How the page begins, once all its parts are there.
drawing.renew();
drawing.measure();
new ResizeObserver(drawing.measure).observe(drawing.view);
camera.open();
outcome.tell();
selection.open();
input.listen();
drawing.view.focus({ preventScroll: true }); // so that the arrow keys move at once
