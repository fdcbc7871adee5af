// Sample photos for a customer to send, drawn here so that nothing must be fetched or shipped.

function table(pen, width, height) {
  const light = pen.createLinearGradient(0, 0, width, height);
  light.addColorStop(0, "#d9c3a5");
  light.addColorStop(1, "#a98560");
  pen.fillStyle = light;
  pen.fillRect(0, 0, width, height);
  pen.strokeStyle = "rgba(90, 60, 30, 0.18)";
  for (let y = 30; y < height; y += 46) {
    pen.beginPath();
    pen.moveTo(0, y);
    pen.bezierCurveTo(width / 3, y + 10, width / 1.5, y - 10, width, y + 4);
    pen.stroke();
  }
}

function mug(pen) {
  table(pen, 640, 480);
  pen.fillStyle = "rgba(60, 40, 20, 0.28)";
  pen.beginPath();
  pen.ellipse(310, 385, 170, 26, 0, 0, 7);
  pen.fill();
  pen.lineWidth = 26;
  pen.strokeStyle = "#2b5c94";
  pen.beginPath();
  pen.arc(428, 262, 56, -1.3, 1.3);
  pen.stroke();
  const glaze = pen.createLinearGradient(190, 0, 430, 0);
  glaze.addColorStop(0, "#2f66a5");
  glaze.addColorStop(0.4, "#5b95d2");
  glaze.addColorStop(1, "#234f82");
  pen.fillStyle = glaze;
  pen.beginPath();
  for (const [x, y] of [
    [200, 160], [262, 160], [286, 214], [318, 176], [352, 236], [384, 160], [420, 160], [408, 372], [212, 372]
  ]) pen.lineTo(x, y);
  pen.fill();
  pen.fillStyle = "#f3efe8";
  pen.beginPath();
  for (const [x, y] of [
    [262, 160], [286, 214], [318, 176], [352, 236], [384, 160], [372, 160], [350, 216], [320, 158], [288, 196],
    [274, 160]
  ]) pen.lineTo(x, y);
  pen.fill();
  pen.fillStyle = "#3f78b5";
  for (const shard of [
    [[90, 396], [150, 370], [168, 412]], [[488, 420], [540, 392], [566, 430], [520, 442]],
    [[250, 430], [286, 416], [300, 444]]
  ]) {
    pen.beginPath();
    for (const [x, y] of shard) pen.lineTo(x, y);
    pen.fill();
  }
}

function parcel(pen) {
  table(pen, 640, 480);
  pen.fillStyle = "#b58a55";
  pen.fillRect(150, 130, 340, 250);
  pen.fillStyle = "#9a7344";
  pen.beginPath();
  for (const [x, y] of [[150, 130], [490, 130], [450, 92], [196, 92]]) pen.lineTo(x, y);
  pen.fill();
  pen.fillStyle = "rgba(240, 225, 190, 0.75)";
  pen.fillRect(300, 92, 40, 288);
  pen.fillStyle = "#f6f3ec";
  pen.fillRect(178, 250, 104, 76);
  pen.fillStyle = "#333";
  for (let x = 188; x < 272; x += 7) pen.fillRect(x, 290, x % 3 ? 3 : 5, 26);
  pen.fillStyle = "#4a3418";
  pen.beginPath();
  for (const [x, y] of [[490, 380], [490, 280], [450, 300], [430, 340], [396, 380]]) pen.lineTo(x, y);
  pen.fill();
}

const DRAWINGS = { mug, parcel };

/** A JPEG of 640 by 480 as a data address. */
export function samplePhoto(name) {
  const canvas = document.createElement("canvas");
  canvas.width = 640;
  canvas.height = 480;
  DRAWINGS[name](canvas.getContext("2d"));
  return canvas.toDataURL("image/jpeg", 0.85);
}

/** A picture from this device, scaled down to at most 1280 pixels, as a JPEG data address. */
export async function ownPhoto(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, 1280 / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.85);
}
