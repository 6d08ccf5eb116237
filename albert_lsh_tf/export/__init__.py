"""SavedModels of encoders and of trained models.

Names are loaded when first used, so that plans can be made without TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "classifier": ["export_classifier"],
        "encoder": ["export_encoder"],
        "multiple_choice": ["QuestionInputs", "export_multiple_choice"],
        "plan": ["ExportPlan"],
        "planned": ["export_plan"],
        "preprocessing": ["AlbertPreprocessor", "export_preprocessing"],
        "span_labeler": ["export_span_labeler"],
        "tflite": ["export_tflite"],
    },
)
