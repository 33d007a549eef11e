"""Augmentation: identity at p = 0, the papers' statistics at p = 1, exact pixels, derivatives, control."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.nn import functional

from gan.augment import POLICIES, AdaController, AugmentConfig, build_augment, build_controller
from gan.augment.colour import RECOLOUR_OF_CHANNELS, Tint, draw_tint
from gan.augment.config import Policy
from gan.augment.geometry import draw_blit, draw_geometry, rotate, translate
from gan.augment.resample import (
    GREY,
    LANCZOS,
    REFLECTED,
    SYM6,
    TRANSPARENT,
    Border,
    Interpolated,
    Resampler,
    Supersampled,
    move_pixels,
)
from gan.errors import UserError

CHANNELS = [1, 3, 4]
SIZES = ((16, 16), (12, 20), (9, 7))
CHANGING = [policy for policy in POLICIES if policy != "none"]


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def pictures(num: int, channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Random smooth pictures in [-1, 1]; with four channels a premultiplied one, transparent in places."""
    coarse = torch.rand(num, channels, 4, 4, generator=seeded(seed))
    images = functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=True).clamp(0.0, 1.0)
    if channels == 4:
        alpha = (images[:, 3:] * 2.0 - 0.6).clamp(0.0, 1.0)
        images = torch.cat([images[:, :3] * alpha, alpha], dim=1)
    return images * 2.0 - 1.0


def only(*, blit: bool = False, geometry: bool = False, colour: bool = False) -> AugmentConfig:
    return AugmentConfig(blit=blit, geometry=geometry, colour=colour)


class TestEveryAugment:
    @pytest.mark.parametrize("policy", CHANGING)
    @pytest.mark.parametrize("channels", CHANNELS)
    @pytest.mark.parametrize(("height", "width"), SIZES)
    def test_shape_finite_and_changed(self, policy: Policy, channels: int, height: int, width: int) -> None:
        images = pictures(8, channels, height, width)
        augmented = build_augment(AugmentConfig(policy=policy), channels)(images, 0.7, seeded())
        assert augmented.shape == images.shape
        assert augmented.dtype == images.dtype
        assert augmented.isfinite().all()
        assert not torch.equal(augmented, images)

    @pytest.mark.parametrize("policy", POLICIES)
    def test_is_the_identity_at_p_0_and_draws_nothing(self, policy: Policy) -> None:
        images, generator = pictures(4, 4, 8, 8), seeded()
        before = generator.get_state()
        assert build_augment(AugmentConfig(policy=policy), 4)(images, 0.0, generator) is images
        assert torch.equal(generator.get_state(), before)

    def test_none_changes_nothing_at_any_p(self) -> None:
        images = pictures(4, 3, 8, 8)
        assert torch.equal(build_augment(AugmentConfig(policy="none"), 3)(images, 1.0, seeded()), images)

    @pytest.mark.parametrize("policy", CHANGING)
    def test_pictures_on_which_nothing_was_drawn_are_exactly_the_same(self, policy: Policy) -> None:
        images = pictures(64, 4, 16, 16)
        augmented = build_augment(AugmentConfig(policy=policy), 4)(images, 1e-9, seeded())
        # DiffAugment goes to 0..1 and back to weigh by alpha: a rounding error, nothing more.
        torch.testing.assert_close(augmented, images, rtol=0.0, atol=3e-7 if policy == "diffaugment" else 0.0)

    @pytest.mark.parametrize("policy", CHANGING)
    def test_chance_comes_from_the_generator_alone(self, policy: Policy) -> None:
        images, augment = pictures(6, 3, 12, 20), build_augment(AugmentConfig(policy=policy), 3)
        first = augment(images, 0.6, seeded(1))
        torch.rand(100)
        assert torch.equal(augment(images, 0.6, seeded(1)), first)
        assert not torch.equal(augment(images, 0.6, seeded(2)), first)

    @pytest.mark.parametrize("policy", CHANGING)
    @pytest.mark.parametrize("channels", CHANNELS)
    @pytest.mark.parametrize("antialias", [False, True])
    def test_two_derivatives(self, policy: Policy, channels: int, antialias: bool) -> None:
        augment = build_augment(AugmentConfig(policy=policy, antialias=antialias), channels)
        images = pictures(2, channels, 5, 6).double().requires_grad_()

        def of(images: Tensor) -> Tensor:
            # Squared: the pipeline is linear, and a linear map's second derivative is zero.
            return augment(images, 0.9, seeded(3)).square()

        assert torch.autograd.gradcheck(of, (images,), fast_mode=True)
        assert torch.autograd.gradgradcheck(of, (images,), fast_mode=True)

    def test_r1_reaches_the_weights_through_it(self) -> None:
        weight = torch.randn(1, 3, 8, 8, generator=seeded(), requires_grad=True)
        images = pictures(4, 3, 8, 8).requires_grad_()
        logits = (build_augment(AugmentConfig(), 3)(images, 0.9, seeded()) * weight).flatten(1).sum(1).square()
        (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
        torch.autograd.backward(gradient.square().sum())
        assert weight.grad is not None
        assert weight.grad.abs().sum() > 0.0

    def test_half_precision_comes_back_as_such_but_is_computed_wide(self) -> None:
        images = pictures(4, 3, 16, 16)
        augment = build_augment(AugmentConfig(), 3)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(augment(images, 0.8, seeded()), augment(images, 0.8, seeded()).float())
            half = augment(images.bfloat16(), 0.8, seeded())
        assert half.dtype == torch.bfloat16
        torch.testing.assert_close(
            half.float(), augment(images.bfloat16().float(), 0.8, seeded()), atol=0.01, rtol=0.01
        )


class TestBlit:
    def test_statistics_at_p_1(self) -> None:
        num, size = 4000, 32
        inverse = draw_blit(num, size, size, 1.0, True, seeded())
        determinant = inverse[:, 0, 0] * inverse[:, 1, 1] - inverse[:, 0, 1] * inverse[:, 1, 0]
        assert (determinant < 0).float().mean().item() == pytest.approx(0.5, abs=0.03)
        quarter = (inverse[:, 0, 0] == 0).float().mean().item()
        assert quarter == pytest.approx(0.5, abs=0.03), "one and three quarter turns are half of the four"
        shift = torch.linalg.inv(inverse)[:, :2, 2]
        assert shift.abs().max().item() == pytest.approx(size / 8, abs=1e-4)
        # Uniform in ±4 rounded: variance 8²/12 + 1/12 for the rounding.
        assert shift.square().mean().item() == pytest.approx(65 / 12, rel=0.05)

    def test_p_is_the_probability_per_picture_and_change(self) -> None:
        inverse = draw_blit(20000, 32, 32, 0.4, True, seeded())
        assert (inverse[:, :2, 2] != 0).any(1).float().mean().item() == pytest.approx(0.4 * (1 - 1 / 64), abs=0.015)
        flipped = torch.linalg.det(inverse) < 0
        assert flipped.float().mean().item() == pytest.approx(0.2, abs=0.015)

    def test_without_mirror_nothing_is_mirrored(self) -> None:
        assert (torch.linalg.det(draw_blit(1000, 32, 32, 1.0, False, seeded())) > 0).all()

    def test_a_canvas_that_is_not_square_gets_half_turns_only(self) -> None:
        inverse = draw_blit(1000, 24, 32, 1.0, True, seeded())
        assert (inverse[:, 0, 1] == 0).all()
        assert (inverse[:, 1, 1] < 0).float().mean().item() == pytest.approx(0.5, abs=0.05)

    @pytest.mark.parametrize("channels", CHANNELS)
    @pytest.mark.parametrize(("height", "width"), SIZES)
    def test_keeps_values_bit_for_bit(self, channels: int, height: int, width: int) -> None:
        images = pictures(16, channels, height, width)
        augmented = build_augment(only(blit=True), channels)(images, 1.0, seeded())
        assert set(augmented.flatten().tolist()) <= set(images.flatten().tolist()) | {-1.0}

    @pytest.mark.parametrize(("border", "edge"), [(TRANSPARENT, -1.0), (GREY, 0.0)])
    def test_shift_moves_pixels_and_fills(self, border: Border, edge: float) -> None:
        images = pictures(1, 4, 6, 9)
        moved = move_pixels(images, translate(torch.tensor([-2.0]), torch.tensor([1.0])), border)
        assert torch.equal(moved[..., :-1, 2:], images[..., 1:, :-2])
        assert (moved[..., -1, :] == edge).all()
        assert (moved[..., :, :2] == edge).all()

    def test_shift_reflects_about_the_outermost_pixel(self) -> None:
        images = pictures(1, 3, 6, 9)
        moved = move_pixels(images, translate(torch.tensor([-2.0]), torch.tensor([0.0])), REFLECTED)
        assert torch.equal(moved, functional.pad(images, (2, 0, 0, 0), mode="reflect")[..., :9])

    @pytest.mark.parametrize("border", [REFLECTED, TRANSPARENT])
    def test_quarter_turn_is_rot90(self, border: Border) -> None:
        images = pictures(1, 3, 8, 8)
        turned = move_pixels(images, rotate(torch.tensor([0.0]), torch.tensor([1.0])), border)
        assert torch.equal(turned, images.rot90(1, (2, 3)))


class TestGeometry:
    def test_statistics_at_p_1(self) -> None:
        height, width = 24, 40
        motion = draw_geometry(20000, height, width, 1.0, seeded())
        assert motion.moved.all()
        forward = torch.linalg.inv(motion.inverse)
        area = torch.linalg.det(forward)
        # The anisotropic scale keeps the area, so that is the isotropic scale squared: twice its sigma.
        assert area.log2().std().item() == pytest.approx(0.4, rel=0.03)
        assert area.log2().mean().item() == pytest.approx(0.0, abs=0.01)
        stretch = torch.linalg.svdvals(forward[:, :2, :2])
        # |log2 s| of the anisotropic scale: half of log2 of the ratio; mean of a half-normal of sigma 0.2.
        ratio = (stretch[:, 0] / stretch[:, 1]).log2() / 2.0
        assert ratio.mean().item() == pytest.approx(0.2 * math.sqrt(2.0 / math.pi), rel=0.03)
        assert forward[:, 0, 2].std().item() == pytest.approx(width / 8, rel=0.03)
        assert forward[:, 1, 2].std().item() == pytest.approx(height / 8, rel=0.03)

    def test_a_picture_is_turned_with_probability_p(self) -> None:
        forward = draw_geometry(20000, 32, 32, 0.3, seeded()).inverse
        assert (forward[:, 0, 1].abs() > 1e-6).float().mean().item() == pytest.approx(0.3, abs=0.015)

    def test_unmoved_pictures_have_the_identity(self) -> None:
        motion = draw_geometry(2000, 32, 32, 0.2, seeded())
        still = motion.inverse[~motion.moved]
        assert len(still) / 2000 == pytest.approx(0.8**4, abs=0.04)
        assert torch.equal(still, torch.eye(3).expand_as(still))

    @pytest.mark.parametrize("resampler", [Interpolated(), Supersampled()])
    @pytest.mark.parametrize("border", [REFLECTED, TRANSPARENT])
    def test_the_identity_neither_blurs_nor_shifts(self, resampler: Resampler, border: Border) -> None:
        images = torch.rand(3, 4, 12, 17, generator=seeded()) * 2.0 - 1.0
        change = (resampler(images, torch.eye(3).expand(3, 3, 3), border) - images).abs()
        assert change[..., 3:-3, 3:-3].max() < 1e-5
        # The departure of the supersampled way: its mirror lies a fraction of a pixel beside the edge.
        if not (isinstance(resampler, Supersampled) and border is REFLECTED):
            assert change.max() < 1e-5

    @pytest.mark.parametrize("resampler", [Interpolated(), Supersampled()])
    @pytest.mark.parametrize("border", [REFLECTED, TRANSPARENT])
    def test_turned_smooth_picture_is_the_turned_function(self, resampler: Resampler, border: Border) -> None:
        height, width = 40, 32
        y, x = torch.meshgrid(torch.arange(height) - 19.5, torch.arange(width) - 15.5, indexing="ij")

        def blob(x: Tensor, y: Tensor) -> Tensor:
            return torch.exp(-((x - 4.0).square() + (y + 6.0).square()) / 12.0)[None, None] * 2.0 - 1.0

        cosine, sine = math.cos(0.7), math.sin(0.7)
        inverse = translate(torch.tensor([1.3]), torch.tensor([-0.4])) @ rotate(
            torch.tensor([cosine]), torch.tensor([sine])
        )
        x_from, y_from = cosine * x - sine * y + 1.3, sine * x + cosine * y - 0.4
        inside = (x_from.abs() < 15.0) & (y_from.abs() < 19.0)
        wrong = (resampler(blob(x, y), inverse, border) - blob(x_from, y_from)).abs()[:, :, inside]
        assert wrong.max() < 0.02

    @pytest.mark.parametrize("antialias", [False, True])
    @pytest.mark.parametrize("channels", [1, 3])
    def test_a_constant_picture_stays_constant(self, channels: int, antialias: bool) -> None:
        images = torch.full((16, channels, 16, 20), 0.37)
        config = AugmentConfig(colour=False, antialias=antialias)
        torch.testing.assert_close(build_augment(config, channels)(images, 1.0, seeded()), images)

    @pytest.mark.parametrize("antialias", [False, True])
    def test_an_opaque_picture_stays_constant_inside_and_is_transparent_outside(self, antialias: bool) -> None:
        images = torch.full((1, 4, 24, 24), 0.37)
        images[:, 3] = 1.0
        resampler = Supersampled() if antialias else Interpolated()
        moved = resampler(images, translate(torch.tensor([-10.5]), torch.tensor([0.0])), TRANSPARENT)
        torch.testing.assert_close(moved[..., 6:18, 17:21], images[..., :12, :4], atol=1e-3, rtol=0.0)
        torch.testing.assert_close(moved[..., :4], torch.full((1, 4, 24, 4), -1.0), atol=1e-3, rtol=0.0)

    def test_a_transparent_picture_stays_transparent(self) -> None:
        images = torch.full((16, 4, 12, 16), -1.0)
        assert torch.equal(build_augment(AugmentConfig(), 4)(images, 1.0, seeded()), images)

    def test_symlet_is_orthonormal_and_has_six_vanishing_moments(self) -> None:
        taps = torch.tensor(SYM6.taps, dtype=torch.float64) / math.sqrt(2.0)
        for shift in range(6):
            overlap = (taps[2 * shift :] * taps[: 12 - 2 * shift]).sum().item()
            assert overlap == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-10)
        alternating = taps * (-1.0) ** torch.arange(12)
        for power in range(6):
            moment = (alternating * torch.arange(12, dtype=torch.float64) ** power).sum().item()
            assert moment == pytest.approx(0.0, abs=1e-5)
        assert sum(LANCZOS.taps) == pytest.approx(2.0)


class TestColour:
    @staticmethod
    def tint(**changed: float) -> Tint:
        neutral = {"brightness": 0.0, "contrast": 1.0, "luma": 1.0, "hue": 0.0, "saturation": 1.0}
        return Tint(**{name: torch.tensor([value]) for name, value in (neutral | changed).items()})

    @pytest.mark.parametrize("channels", CHANNELS)
    def test_the_neutral_tint_changes_not_a_bit(self, channels: int) -> None:
        images = pictures(1, channels, 8, 8)
        assert torch.equal(RECOLOUR_OF_CHANNELS[channels](images, self.tint()), images)

    def test_luma_flip_inverts_grey_and_keeps_chroma(self) -> None:
        images = pictures(1, 3, 8, 8)
        flipped = RECOLOUR_OF_CHANNELS[3](images, self.tint(luma=-1.0))
        mean, after = images.mean(1, keepdim=True), flipped.mean(1, keepdim=True)
        torch.testing.assert_close(after, -mean)
        torch.testing.assert_close(flipped - after, images - mean)

    def test_hue_turns_red_to_green_or_blue(self) -> None:
        red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1)
        turned = RECOLOUR_OF_CHANNELS[3](red, self.tint(hue=2.0 * math.pi / 3.0))
        torch.testing.assert_close(turned, torch.tensor([-1.0, 1.0, -1.0]).view(1, 3, 1, 1))

    def test_saturation_0_is_grey_of_the_same_mean(self) -> None:
        images = pictures(1, 3, 8, 8)
        grey = RECOLOUR_OF_CHANNELS[3](images, self.tint(saturation=0.0))
        torch.testing.assert_close(grey, images.mean(1, keepdim=True).expand(-1, 3, -1, -1))

    def test_brightness_comes_before_contrast(self) -> None:
        for channels in CHANNELS:
            images = torch.full((1, channels, 2, 2), 0.2)
            if channels == 4:
                images[:, 3] = 1.0
            tinted = RECOLOUR_OF_CHANNELS[channels](images, self.tint(brightness=0.3, contrast=1.5))
            torch.testing.assert_close(tinted[:, :3], torch.full_like(tinted[:, :3], 0.75))

    def test_premultiplied_is_the_straight_change_under_alpha(self) -> None:
        straight = pictures(5, 3, 8, 8)
        alpha = torch.rand(5, 1, 8, 8, generator=seeded())
        alpha[:, :, :2] = 0.0
        images = torch.cat([(straight + 1.0) * alpha, 2.0 * alpha], dim=1) - 1.0
        tint = draw_tint(5, 1.0, seeded(4))
        tinted = RECOLOUR_OF_CHANNELS[4](images, tint)
        expected = (RECOLOUR_OF_CHANNELS[3](straight, tint) + 1.0) * alpha - 1.0
        torch.testing.assert_close(tinted[:, :3], expected, atol=1e-5, rtol=0.0)
        assert torch.equal(tinted[:, 3:], images[:, 3:])
        torch.testing.assert_close(tinted[:, :, :2], torch.full_like(tinted[:, :, :2], -1.0), atol=1e-6, rtol=0.0)

    def test_statistics_at_p_1(self) -> None:
        tint = draw_tint(20000, 1.0, seeded())
        assert tint.brightness.std().item() == pytest.approx(0.2, rel=0.03)
        assert tint.contrast.log2().std().item() == pytest.approx(0.5, rel=0.03)
        assert tint.saturation.log2().std().item() == pytest.approx(1.0, rel=0.03)
        assert tint.luma.mean().item() == pytest.approx(0.0, abs=0.03)
        assert tint.hue.std().item() == pytest.approx(math.pi / math.sqrt(3.0), rel=0.03)

    def test_mean_is_kept_in_expectation_where_the_paper_keeps_it(self) -> None:
        tint = draw_tint(20000, 1.0, seeded())
        images = torch.tensor([0.5, -0.2, 0.3]).view(1, 3, 1, 1).expand(20000, 3, 1, 1)
        mean = RECOLOUR_OF_CHANNELS[3](images, tint).mean().item()
        assert mean == pytest.approx(0.0, abs=0.02), "the luma flip centres everything on mid grey"


class TestDiffAugment:
    def test_cutout_takes_at_most_a_quarter_and_translation_at_most_an_eighth(self) -> None:
        images = torch.full((500, 4, 16, 24), 1.0)
        augmented = build_augment(AugmentConfig(policy="diffaugment"), 4)(images, 1.0, seeded())
        hidden = (augmented[:, 3] == -1.0).float()
        share = hidden.mean((1, 2))
        assert share.max().item() <= 0.25 + 2 / 8 + 1e-6
        assert share.min().item() >= 0.25 / 4 - 1e-6, "a corner hole still hides a quarter of the square"
        assert (augmented[:, 3].abs() == 1.0).all(), "alpha is moved and cut, never scaled"

    def test_transparent_stays_transparent(self) -> None:
        images = torch.full((8, 4, 12, 12), -1.0)
        torch.testing.assert_close(build_augment(AugmentConfig(policy="diffaugment"), 4)(images, 1.0, seeded()), images)

    def test_opaque_colour_is_treated_as_rgb(self) -> None:
        colour = pictures(64, 3, 8, 8) * 0.2
        opaque = torch.cat([colour, torch.ones(64, 1, 8, 8)], dim=1)
        config = AugmentConfig(policy="diffaugment")
        rgba = build_augment(config, 4)(opaque, 1.0, seeded())
        rgb = build_augment(config, 3)(colour, 1.0, seeded())
        visible = (rgba[:, 3:] > 0.0).expand(-1, 3, -1, -1)
        torch.testing.assert_close(rgba[:, :3][visible], rgb[visible], atol=1e-5, rtol=0.0)

    def test_an_all_but_transparent_picture_does_not_explode(self) -> None:
        images = torch.randn(32, 4, 8, 8, generator=seeded()) * 0.5 - torch.tensor([0.0, 0.0, 0.0, 1.0]).view(
            1, 4, 1, 1
        )
        assert build_augment(AugmentConfig(policy="diffaugment"), 4)(images, 1.0, seeded()).abs().max() < 20.0


class TestControllers:
    def test_reaches_1_in_speed_kimg_images(self) -> None:
        controller = AdaController(AugmentConfig(speed_kimg=1.6, max_p=1.0))
        for step in range(25):
            assert controller.p == pytest.approx(step // 4 * 4 * 64 / 1600)
            controller.update(torch.ones(64, 1))
        assert controller.p == pytest.approx(24 * 64 / 1600)
        for _ in range(40):
            controller.update(torch.ones(64, 1))
        assert controller.p == 1.0
        assert controller.r_t == 1.0

    def test_goes_down_to_0_and_up_to_max_p(self) -> None:
        controller = AdaController(AugmentConfig(speed_kimg=0.5, interval=1, max_p=0.7), p=0.1)
        controller.update(torch.full((10,), -3.0))
        assert controller.p == pytest.approx(0.08)
        for _ in range(9):
            controller.update(torch.full((10,), -3.0))
        assert controller.p == 0.0
        for _ in range(60):
            controller.update(torch.full((10,), 3.0))
        assert controller.p == 0.7

    def test_follows_the_target_not_zero(self) -> None:
        logits = torch.cat([torch.ones(7), -torch.ones(3)])
        controller = AdaController(AugmentConfig(target=0.6, interval=1), p=0.5)
        controller.update(logits)
        assert controller.r_t == pytest.approx(0.4)
        assert controller.p < 0.5
        eager = AdaController(AugmentConfig(target=0.3, interval=1), p=0.5)
        eager.update(logits)
        assert eager.p > 0.5

    def test_maps_of_logits_count_images_not_patches(self) -> None:
        controller = AdaController(AugmentConfig(speed_kimg=0.1, interval=1, max_p=1.0))
        controller.update(torch.ones(10, 1, 5, 5))
        assert controller.p == pytest.approx(0.1)

    def test_a_nan_logit_counts_as_0_and_does_not_stay(self) -> None:
        controller = AdaController(AugmentConfig(interval=1), p=0.25)
        controller.update(torch.tensor([math.nan, 1.0]))
        assert controller.r_t == 0.5
        controller.update(torch.tensor([1.0, 1.0]))
        assert controller.r_t == 1.0

    @pytest.mark.parametrize("policy", POLICIES)
    def test_state_resumes_in_the_middle_of_an_interval(self, policy: Policy) -> None:
        config = AugmentConfig(policy=policy, speed_kimg=1.0)
        batches = torch.randn(30, 16, generator=seeded()) + 0.9
        whole, cut = build_controller(config), build_controller(config)
        for batch in batches[:14]:
            whole.update(batch)
            cut.update(batch)
        resumed = build_controller(config)
        resumed.load_state(cut.state())
        for batch in batches[14:]:
            whole.update(batch)
            resumed.update(batch)
        assert resumed.state() == whole.state()

    def test_foreign_state_is_refused(self) -> None:
        with pytest.raises(UserError, match="checkpoint of this version"):
            build_controller(AugmentConfig()).load_state({"p": 0.3})

    @pytest.mark.parametrize(("policy", "p"), [("none", 0.0), ("fixed", 0.35), ("diffaugment", 1.0), ("ada", 0.1)])
    def test_each_policy_starts_at_its_p_and_only_ada_moves(self, policy: Policy, p: float) -> None:
        controller = build_controller(AugmentConfig(policy=policy, fixed_p=0.35, initial_p=0.1, interval=1))
        assert controller.p == p
        controller.update(torch.ones(8))
        assert (controller.p != p) == (policy == "ada")
        assert controller.r_t == 1.0


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"policy": "adda"}, "adda"),
        ({"target": 1.5}, "1.5"),
        ({"speed_kimg": 0.0}, "speed_kimg"),
        ({"interval": 0}, "interval"),
        ({"fixed_p": -0.1}, "fixed_p"),
        ({"max_p": math.nan}, "max_p"),
        ({"initial_p": 0.9}, "initial_p"),
        ({"blit": False, "geometry": False, "colour": False}, "does nothing"),
    ],
)
def test_config_refuses(changed: dict[str, Any], names: str) -> None:
    with pytest.raises(UserError, match=names):
        replace(AugmentConfig(), **changed)


def test_blind_to_alpha_the_transparent_ground_is_tinted_and_shapes_are_reflected_at_the_edge() -> None:
    transparent = torch.full((64, 4, 16, 16), -1.0)
    aware = build_augment(AugmentConfig(policy="fixed"), 4)
    blind = build_augment(AugmentConfig(policy="fixed", alpha_aware=False), 4)
    shown = aware(transparent, 1.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(shown, transparent, rtol=0.0, atol=1e-4)
    tinted = blind(transparent, 1.0, torch.Generator().manual_seed(0))
    assert (tinted[:, 3] + 1.0).abs().max() < 1e-4
    assert (tinted[:, :3] - transparent[:, :3]).abs().amax(dim=(1, 2, 3)).median() > 0.1
    opaque = torch.full((64, 4, 16, 16), 1.0)
    assert (blind(opaque, 1.0, torch.Generator().manual_seed(0))[:, 3] > 0.99).all()
    assert (aware(opaque, 1.0, torch.Generator().manual_seed(0))[:, 3] < -0.99).any()


def test_channels_are_1_3_or_4() -> None:
    with pytest.raises(UserError, match="2 channels"):
        build_augment(AugmentConfig(), 2)
